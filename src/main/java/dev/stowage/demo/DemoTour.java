package dev.stowage.demo;

import dev.stowage.client.CsiClient;
import dev.stowage.client.VolumeKind;
import dev.stowage.lab.DriverProcess;
import dev.stowage.lab.Narration;
import dev.stowage.lab.ReflinkDisk;
import dev.stowage.lab.Workplace;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Quantities;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/// What the driver does with data, on a pool that shares blocks: a process that serves, and this
/// one that calls it.
final class DemoTour {
    private static final long LEAST_BYTES = 32L << 20;
    private static final long MOST_BYTES = 100L << 30;

    /// Volumes and snapshots that there are at once, counted in full, with what is being erased.
    private static final long AT_ONCE = 40;

    /// XFS takes 300 MiB at least.
    private static final long LARGEST_LEAST = 300L << 20;

    private static final long ROOM = 2L << 30;

    /// What is really written: journals, little else.
    private static final long WRITTEN = 1L << 30;

    static final Workplace.Needs NEEDS =
            new Workplace.Needs("tour", Optional.of(FileSystemType.XFS), WRITTEN);

    private final Plan plan;
    private final Workplace place;
    private final Narration narration;

    /// This run's own: a driver that starts thaws what an earlier one of its name left frozen.
    private final String nodeName;

    /// @param bytes of each volume
    record Plan(VolumeKind kind, long bytes) {
        /// Why not, in words for who asked for it.
        Optional<String> refusal() {
            if (kind == VolumeKind.BLOCK) {
                return Optional.of("--tour writes files: use it with --fs ext4, xfs or btrfs");
            }
            if (bytes < LEAST_BYTES || bytes > MOST_BYTES) {
                return Optional.of("--tour makes volumes of 32Mi to 100Gi: say so with --size");
            }
            return Optional.empty();
        }
    }

    DemoTour(Plan plan, Workplace place, Narration narration) {
        this.plan = plan;
        this.place = place;
        this.narration = narration;
        this.nodeName = String.valueOf(place.folder().getFileName());
    }

    /// Returns the exit code. Whatever happens, the folder is cleaned up.
    int tell() throws IOException {
        var frame = new DemoFrame(place, narration);
        frame.open(
                "Snapshots, groups, changed blocks, limits: %s, %s"
                        .formatted(plan.kind(), Quantities.text(plan.bytes())));
        try {
            chapters();
        } catch (IOException | RuntimeException e) {
            return frame.brokenOff(e);
        }
        return frame.close();
    }

    private void chapters() throws IOException {
        try (var disk = narration.step("disk", this::makeDisk, _ -> "XFS in a sparse file");
                var pods = TourCgroup.make(place.folder()).orElse(null);
                var driver =
                        narration.step(
                                "start",
                                () -> start(disk.pool(), Optional.ofNullable(pods)),
                                made -> "the driver answers as process " + made.process().pid());
                var client = new CsiClient(driver.socket())) {
            var node = new TourNode(client, place.makeFolder("node"), nodeName);
            new TourSnapshots(node, narration, plan.kind(), plan.bytes()).tell();
            new TourGroups(node, narration, plan.kind(), plan.bytes(), driver.log()).tell();
            var device =
                    narration.step(
                            "device",
                            () -> node.volume("device", VolumeKind.BLOCK).create(plan.bytes()),
                            _ -> "a raw one made, attached, in a pod's place");
            new TourBlocks(node, narration, device, plan.bytes()).tell();
            new TourLimit(node, narration, device, Optional.ofNullable(pods)).tell();
            narration.step("delete", () -> delete(node, device));
        }
    }

    private ReflinkDisk makeDisk() throws IOException {
        return ReflinkDisk.make(place, AT_ONCE * Math.max(plan.bytes(), LARGEST_LEAST) + ROOM);
    }

    private DriverProcess start(Path pool, Optional<TourCgroup> pods) throws IOException {
        var config =
                """
                attach: true
                state: %s
                pools:
                  tour: {type: file, path: %s, shared: true}
                """
                        .formatted(place.makeFolder("state"), pool);
        var cgroup = pods.map(group -> "cgroup: %s\n".formatted(group.folder())).orElse("");
        return DriverProcess.start(
                place.folder(),
                Files.writeString(place.folder().resolve("stowage.yaml"), config + cgroup),
                nodeName);
    }

    private static String delete(TourNode node, TourVolume device) throws IOException {
        device.delete();
        node.requireEmptyPool();
        return "the device; the pool is empty";
    }
}
