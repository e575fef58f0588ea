package dev.stowage.demo;

import dev.stowage.client.VolumeKind;
import dev.stowage.lab.Narration;
import dev.stowage.lab.Stopwatch;
import dev.stowage.volume.Quantities;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// Snapshots of a volume that is being written, each restored; and one restored larger.
///
/// @param bytes of the volume, at least
record TourSnapshots(TourNode node, Narration narration, VolumeKind kind, long bytes) {
    private static final int SNAPSHOTS = 10;

    /// Numbers between two snapshots, at least.
    private static final int APART = 5;

    /// The kernel resizes no btrfs to less.
    private static final long LEAST_LARGER = 256L << 20;

    private static final double MEDIAN = 0.5;
    private static final String STEP = "snapshot";
    private static final String TELLING =
            "each restored: has all that was synced, from 0 on, without a gap:";

    /// @param synced how many numbers were synced before it was asked for: it must have them
    /// @param written how many may have been written when it was there: it can't have more
    private record Taken(String id, long synced, long written) {
        void requireHeld(long numbers) throws IOException {
            if (numbers < synced || numbers > written) {
                throw new IOException(
                        "snapshot %s has %d numbers; %d to %d were there"
                                .formatted(id, numbers, synced, written));
            }
        }
    }

    void tell() throws IOException {
        var volume =
                narration.step(
                        "volume",
                        () -> node.volume("data", kind).create(bytes),
                        made -> "made, attached, mounted: " + size(made.totalBytes()));
        var watch = new Stopwatch();
        var taken = narration.step(STEP, () -> take(volume, watch), all -> told(all, watch));
        var counts = narration.step("contents", () -> contents(volume, taken), _ -> TELLING);
        narration.say("          " + counts);
        narration.step("restore", () -> restoreLarger(volume, taken.getLast()));
        narration.step("delete", () -> delete(volume, taken));
    }

    private List<Taken> take(TourVolume volume, Stopwatch watch) throws IOException {
        var taken = new ArrayList<Taken>();
        try (var writer = TourNumbers.write(List.of(volume.numbers()))) {
            for (var i = 0; i < SNAPSHOTS; i++) {
                var synced = writer.awaitMore(APART);
                var started = System.nanoTime();
                var made = node.snapshots().create("s" + i, volume.id());
                watch.add(STEP, System.nanoTime() - started);
                if (!made.getReadyToUse()) {
                    throw new IOException("snapshot %s is not ready".formatted(made));
                }
                taken.add(new Taken(made.getSnapshotId(), synced, writer.synced() + 1));
            }
            var _ = writer.awaitMore(APART); // it still can
        }
        return taken;
    }

    private static String told(List<Taken> taken, Stopwatch watch) {
        return String.format(
                Locale.ROOT,
                "%d while a writer appends numbers and syncs each; median %.1f ms",
                taken.size(),
                watch.millis(STEP, MEDIAN));
    }

    private String contents(TourVolume volume, List<Taken> taken) throws IOException {
        var counts = new ArrayList<Long>();
        for (var each : taken) {
            var restored = node.volume("restored", kind).restore(each.id(), volume.bytes());
            var numbers = TourNumbers.read(restored.numbers());
            each.requireHeld(numbers);
            counts.add(numbers);
            restored.delete();
        }
        return counts.stream().map(String::valueOf).collect(Collectors.joining(" "));
    }

    private String restoreLarger(TourVolume volume, Taken taken) throws IOException {
        var larger = Math.max(2 * volume.bytes(), LEAST_LARGER);
        var restored = node.volume("larger", kind).restore(taken.id(), larger);
        var before = volume.totalBytes();
        var after = restored.totalBytes();
        if (after <= before + volume.bytes() / 2) {
            throw new IOException("the restored volume has %s only".formatted(size(after)));
        }
        var numbers = TourNumbers.read(restored.numbers());
        taken.requireHeld(numbers);
        restored.delete();
        return "the last one into a larger volume: %s, %d numbers".formatted(size(after), numbers);
    }

    private String delete(TourVolume volume, List<Taken> taken) throws IOException {
        volume.delete();
        for (var each : taken) {
            node.snapshots().delete(each.id());
        }
        node.requireEmptyPool();
        return "the volume, then its snapshots; the pool is empty";
    }

    private static String size(long bytes) {
        return Quantities.text(bytes);
    }
}
