package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static dev.stowage.testing.TestDriver.MIB;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.CreateVolumeRequest;
import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import dev.stowage.testing.TestSnapshots;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Failure case 47: what was synced before a snapshot was asked for is in it, and what is in it is
/// of one moment.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class SnapshotUnderLoadTest {
    private static final int SNAPSHOTS = 50;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final String NODE = "n1";

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    /// Appends 0, 1, 2 and so on to a file, each synced before the next.
    private static final class Counting implements Callable<Long> {
        private final Path file;
        private volatile long acknowledged;
        private volatile boolean over;

        Counting(Path file) {
            this.file = file;
        }

        @Override
        public Long call() throws IOException {
            try (var fd = Fd.open(file, OpenFlags.O_RDWR | OpenFlags.O_CREAT, 0644)) {
                for (var next = 0L; !over; next++) {
                    var bytes = ByteBuffer.allocate(Long.BYTES).putLong(next).flip();
                    assertThat(fd.write(bytes, next * Long.BYTES)).isEqualTo(Long.BYTES);
                    fd.fsync();
                    acknowledged = next + 1;
                }
            }
            return acknowledged;
        }
    }

    /// @param acknowledgedBefore how many numbers were synced before it was asked for
    /// @param writtenAfter how many were at most written when it was answered
    private record Taken(String id, long acknowledgedBefore, long writtenAfter) {}

    @ParameterizedTest
    @CsvSource({"ext4, 32", "xfs, 300"})
    void fiftySnapshotsUnderAWriterThatSyncsEachHoldWhatWasSyncedBefore(
            String fileSystem, long mebibytes) throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.XFS, 24L << 30);
                var driver =
                        TestDriver.start(
                                folder,
                                NODE,
                                "attach: false\npools: {ssd: {type: file, path: %s/pool}}\n"
                                        .formatted(disk.mountPoint()))) {
            var volume = TestSnapshots.volume("data", "ssd", fileSystem, mebibytes * MIB);
            assertHoldWhatWasSyncedBefore(new Case(driver, volume, false, Map.of(), SNAPSHOTS));
        }
    }

    @ParameterizedTest
    @CsvSource({"ext4, 32, 20, false", "ext4, 32, 20, true", "xfs, 300, 5, false"})
    void whereBytesAreCopiedSnapshotsOfTheFrozenVolumeHoldItToo(
            String fileSystem, long mebibytes, int count, boolean attach) throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.EXT4, 4L << 30);
                var driver =
                        TestDriver.start(
                                folder,
                                NODE,
                                "attach: %s\npools: {ssd: {type: file, path: %s/pool, shared: %s}}\n"
                                        .formatted(attach, disk.mountPoint(), attach))) {
            var volume = TestSnapshots.volume("data", "ssd", fileSystem, mebibytes * MIB);
            var freeze = Map.of("freezeSeconds", "60");
            assertHoldWhatWasSyncedBefore(new Case(driver, volume, attach, freeze, count));
        }
    }

    /// @param parameters of the snapshots' class
    private record Case(
            TestDriver driver,
            CreateVolumeRequest.Builder volume,
            boolean attach,
            Map<String, String> parameters,
            int count) {
        TestSnapshots snapshots() {
            return new TestSnapshots(driver::controller);
        }

        Path stage(String id) throws IOException {
            var context =
                    attach ? driver.attach(id, NODE, SINGLE_NODE_WRITER) : Map.<String, String>of();
            return driver.stage(id, context, SINGLE_NODE_WRITER);
        }

        void unstage(String id) {
            driver.unstage(id);
            if (attach) {
                driver.detach(id, NODE);
            }
        }
    }

    private void assertHoldWhatWasSyncedBefore(Case of) throws Exception {
        var id = of.snapshots().make(of.volume()).getVolumeId();
        var staging = of.stage(id);
        var taken = underLoad(new Counting(staging.resolve("counters")), of, id);
        of.unstage(id);
        for (var each : taken) {
            var restored =
                    of.snapshots()
                            .make(
                                    of.volume()
                                            .clone()
                                            .setName("restored")
                                            .setVolumeContentSource(
                                                    TestSnapshots.snapshot(each.id())))
                            .getVolumeId();
            var at = of.stage(restored);
            assertHoldsAPrefix(each, Files.readAllBytes(at.resolve("counters")));
            of.unstage(restored);
            of.driver().delete(restored);
        }
    }

    private ArrayList<Taken> underLoad(Counting writer, Case of, String id) throws Exception {
        var taken = new ArrayList<Taken>();
        try (var threads = Executors.newSingleThreadExecutor()) {
            var writing = threads.submit(writer);
            try {
                for (var i = 0; i < of.count(); i++) {
                    var last = taken.isEmpty() ? 0 : taken.getLast().writtenAfter();
                    Polling.await(
                            "the writer goes on",
                            PATIENCE,
                            () -> writing.isDone() || writer.acknowledged > last);
                    var before = writer.acknowledged;
                    var made = of.snapshots().create("s" + i, id, of.parameters());
                    assertThat(made.getReadyToUse()).isTrue();
                    taken.add(new Taken(made.getSnapshotId(), before, writer.acknowledged + 1));
                }
            } finally {
                writer.over = true;
            }
            assertThat(writing.get()).isGreaterThan(of.count());
        }
        return taken;
    }

    private static void assertHoldsAPrefix(Taken taken, byte[] counters) {
        var numbers = ByteBuffer.wrap(counters).asLongBuffer();
        assertThat((long) numbers.limit())
                .isBetween(taken.acknowledgedBefore(), taken.writtenAfter());
        for (var i = 0; i < numbers.limit(); i++) {
            assertThat(numbers.get(i)).isEqualTo(i);
        }
    }
}
