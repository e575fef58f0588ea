package dev.stowage.demo;

import csi.v1.VolumeGroupSnapshot;
import dev.stowage.client.VolumeKind;
import dev.stowage.lab.Narration;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// Group snapshots of two volumes that are written in turns.
///
/// @param bytes of each volume, at least
/// @param log where the driver tells how long volumes stood still
record TourGroups(TourNode node, Narration narration, VolumeKind kind, long bytes, Path log) {
    private static final int GROUPS = 3;

    /// Numbers between two groups, at least.
    private static final int APART = 5;

    private static final Pattern STOOD_STILL = Pattern.compile("stood still for (\\d+) ms");

    /// @param synced how many numbers both volumes had when it was asked for
    private record Taken(VolumeGroupSnapshot group, long synced) {
        String of(TourVolume volume) throws IOException {
            for (var snapshot : group.getSnapshotsList()) {
                if (snapshot.getSourceVolumeId().equals(volume.id())) {
                    return snapshot.getSnapshotId();
                }
            }
            throw new IOException("the group has no snapshot of " + volume.id());
        }
    }

    void tell() throws IOException {
        var volumes = narration.step("volumes", this::make, _ -> "two made, attached, mounted");
        var taken = narration.step("group", () -> take(volumes), this::told);
        narration.step("order", () -> order(volumes, taken));
        narration.step("delete", () -> delete(volumes, taken));
    }

    private List<TourVolume> make() throws IOException {
        return List.of(
                node.volume("first", kind).create(bytes),
                node.volume("second", kind).create(bytes));
    }

    private List<Taken> take(List<TourVolume> volumes) throws IOException {
        var taken = new ArrayList<Taken>();
        var ids = volumes.stream().map(TourVolume::id).toList();
        try (var writer = TourNumbers.write(volumes.stream().map(TourVolume::numbers).toList())) {
            for (var i = 0; i < GROUPS; i++) {
                var synced = writer.awaitMore(APART);
                var group = node.snapshots().createGroup("g" + i, ids);
                if (!group.getReadyToUse()) {
                    throw new IOException("group %s is not ready".formatted(group));
                }
                taken.add(new Taken(group, synced));
            }
            var _ = writer.awaitMore(APART); // nothing is left frozen
        }
        return taken;
    }

    private String told(List<Taken> taken) {
        return "%d while each number goes to both in turn%s".formatted(taken.size(), stoodStill());
    }

    /// Empty where the driver does not log it.
    private String stoodStill() {
        try (var lines = Files.lines(log)) {
            var times =
                    lines.map(STOOD_STILL::matcher)
                            .filter(matcher -> matcher.find())
                            .map(matcher -> matcher.group(1))
                            .collect(Collectors.joining(", "));
            return times.isEmpty() ? "" : "; still for " + times + " ms";
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private String order(List<TourVolume> volumes, List<Taken> taken) throws IOException {
        var told = new ArrayList<String>();
        for (var each : taken) {
            var first = numbers(each, volumes.getFirst());
            var second = numbers(each, volumes.getLast());
            if (first < each.synced() || first - second < 0 || first - second > 1) {
                throw new IOException(
                        "the group has %d and %d numbers, which is of no one moment (%d were synced)"
                                .formatted(first, second, each.synced()));
            }
            told.add("%d+%d".formatted(first, second));
        }
        return "all restored: numbers are of one moment: " + String.join(" ", told);
    }

    private long numbers(Taken taken, TourVolume volume) throws IOException {
        var restored = node.volume("restored", kind).restore(taken.of(volume), volume.bytes());
        var numbers = TourNumbers.read(restored.numbers());
        restored.delete();
        return numbers;
    }

    private String delete(List<TourVolume> volumes, List<Taken> taken) throws IOException {
        for (var each : taken) {
            node.snapshots().deleteGroup(each.group());
        }
        volumes.forEach(TourVolume::delete);
        node.requireEmptyPool();
        return "the groups with their snapshots, and the volumes; the pool is empty";
    }
}
