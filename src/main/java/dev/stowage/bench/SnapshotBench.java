package dev.stowage.bench;

import dev.stowage.client.CsiClient;
import dev.stowage.client.SnapshotClient;
import dev.stowage.client.VolumeClient;
import dev.stowage.client.VolumeKind;
import dev.stowage.lab.DriverProcess;
import dev.stowage.lab.Narration;
import dev.stowage.lab.ReflinkDisk;
import dev.stowage.lab.Stopwatch;
import dev.stowage.lab.Workplace;
import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import dev.stowage.volume.FileSystemType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// How long a snapshot takes for volumes of different sizes that hold equally much: on a pool that
/// clones blocks the size must not matter.
final class SnapshotBench {
    static final Workplace.Needs NEEDS =
            new Workplace.Needs("bench", Optional.of(FileSystemType.XFS), 1L << 30);

    private static final List<Integer> SIZES_GIB = List.of(1, 10, 100);

    /// The pool's disk is a sparse file: room for the largest volume and snapshots of it.
    private static final long DISK_BYTES = 1L << 40;

    private static final int WRITTEN_BLOCKS = 1000;
    private static final int BLOCK_BYTES = 4096;
    private static final double MEDIAN = 0.50;
    private static final double TAIL = 0.99;
    private static final double GOAL = 2.0;
    private static final String NODE = "bench";

    private final Workplace place;
    private final Narration narration;
    private final BenchRun.Rounds rounds;

    SnapshotBench(Workplace place, Narration narration, BenchRun.Rounds rounds) {
        this.place = place;
        this.narration = narration;
        this.rounds = rounds;
    }

    void run() throws IOException {
        try (var disk = ReflinkDisk.make(place, DISK_BYTES);
                var driver = DriverProcess.start(place.folder(), config(disk.pool()), NODE);
                var client = new CsiClient(driver.socket())) {
            var volumes = new LinkedHashMap<Integer, String>();
            for (var gibibytes : SIZES_GIB) {
                volumes.put(gibibytes, makeVolume(client, disk.pool(), gibibytes));
            }
            narration.title("A snapshot (CreateSnapshot) on XFS, by the size of its volume");
            narration.say(
                    "thick volumes with %d scattered blocks written; %d snapshots of each, in turns; times in ms"
                            .formatted(WRITTEN_BLOCKS, rounds.measured()));
            measure(client, volumes, new Stopwatch(), rounds.warmUp());
            var watch = new Stopwatch();
            measure(client, volumes, watch, rounds.measured());
            report(watch);
        }
    }

    private Path config(Path pool) throws IOException {
        return Files.writeString(
                place.folder().resolve("stowage.yaml"),
                """
                attach: false
                state: %s
                pools:
                  bench: {type: file, path: %s}
                """
                        .formatted(place.makeFolder("state"), pool));
    }

    /// As many blocks in each, so that the extents to be cloned are about as many.
    private static String makeVolume(CsiClient client, Path pool, int gibibytes)
            throws IOException {
        var calls = new VolumeClient(client, VolumeKind.BLOCK.capability());
        var bytes = calls.create("size-" + gibibytes, (long) gibibytes << 30);
        var image = pool.resolve("volumes").resolve(calls.id()).resolve("image");
        try (var file = Fd.open(image, OpenFlags.O_RDWR)) {
            var step = bytes / WRITTEN_BLOCKS / BLOCK_BYTES * BLOCK_BYTES;
            for (var i = 0; i < WRITTEN_BLOCKS; i++) {
                var _ = file.write(ByteBuffer.allocate(BLOCK_BYTES), i * step);
            }
            file.fsync();
        }
        return calls.id();
    }

    private static void measure(
            CsiClient client, Map<Integer, String> volumes, Stopwatch watch, int rounds) {
        var snapshots = new SnapshotClient(client);
        for (var round = 0; round < rounds; round++) {
            for (var volume : volumes.entrySet()) {
                var started = System.nanoTime();
                var made = snapshots.create("snapshot", volume.getValue());
                watch.add(step(volume.getKey()), System.nanoTime() - started);
                snapshots.delete(made.getSnapshotId());
            }
        }
    }

    private static String step(int gibibytes) {
        return gibibytes + " GiB";
    }

    private void report(Stopwatch watch) {
        narration.say("%-28s%10s%10s".formatted("", "p50", "p99"));
        for (var step : watch.steps()) {
            narration.say(
                    String.format(
                            Locale.ROOT,
                            "%-28s%10.2f%10.2f",
                            step,
                            watch.millis(step, MEDIAN),
                            watch.millis(step, TAIL)));
        }
        var smallest = step(SIZES_GIB.getFirst());
        var largest = step(SIZES_GIB.getLast());
        var ratio = watch.millis(largest, MEDIAN) / watch.millis(smallest, MEDIAN);
        var line =
                String.format(
                        Locale.ROOT,
                        "%s / %s, p50: %.2f (goal: at most %.1f)",
                        largest,
                        smallest,
                        ratio,
                        GOAL);
        if (ratio <= GOAL) {
            narration.good(line);
        } else {
            narration.bad(line);
        }
    }
}
