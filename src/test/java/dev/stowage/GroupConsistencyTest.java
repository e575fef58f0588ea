package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.CreateSnapshotRequest;
import csi.v1.CreateVolumeGroupSnapshotRequest;
import csi.v1.DeleteSnapshotRequest;
import csi.v1.DeleteVolumeGroupSnapshotRequest;
import csi.v1.Snapshot;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.Mounts;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Two volumes that are written in turns: a number appended to the first and synced, then to the
/// second and synced. At every single moment the first has as many numbers as the second, or one
/// more.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
final class GroupConsistencyTest {
    private static final int GROUPS = 15;

    /// One by one, the two are several syncs apart: one try is nearly always enough.
    private static final int TRIES = 100;

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private LoopFileSystem disk;

    @SuppressWarnings("NullAway.Init")
    private TestDriver driver;

    @SuppressWarnings("NullAway.Init")
    private List<String> volumes;

    @SuppressWarnings("NullAway.Init")
    private Writer writer;

    @BeforeEach
    void begin() throws Exception {
        disk = LoopFileSystem.make(folder, "disk", LoopFileSystem.Kind.XFS, 640L << 20);
        driver =
                TestDriver.start(
                        folder,
                        "n1",
                        "attach: true\npools: {ssd: {type: file, path: %s/pool, shared: true}}\n"
                                .formatted(disk.mountPoint()));
        volumes = List.of(driver.create("first"), driver.create("second"));
        var files = new ArrayList<Path>();
        for (var volume : volumes) {
            var context = driver.attach(volume, "n1", SINGLE_NODE_WRITER);
            files.add(driver.stage(volume, context, SINGLE_NODE_WRITER).resolve("numbers"));
        }
        writer = new Writer(files);
        writer.start();
    }

    @AfterEach
    void end() throws Exception {
        writer.end();
        volumes.forEach(driver::unstage);
        driver.close();
        disk.close();
    }

    private static final class Writer extends Thread {
        private final List<Path> files;
        private volatile boolean ending;
        private volatile long written;

        Writer(List<Path> files) {
            this.files = files;
        }

        @Override
        public void run() {
            try (var first = open(files.getFirst());
                    var second = open(files.getLast())) {
                for (var number = 1L; !ending; number++) {
                    append(first, number);
                    append(second, number);
                    written = number;
                }
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }

        private static FileChannel open(Path file) throws IOException {
            return FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }

        private static void append(FileChannel file, long number) throws IOException {
            var bytes = ByteBuffer.allocate(Long.BYTES).putLong(number).flip();
            while (bytes.hasRemaining()) {
                var _ = file.write(bytes);
            }
            file.force(true);
        }

        void end() throws InterruptedException {
            ending = true;
            join();
        }
    }

    /// How many numbers the snapshot has; fails if they are not all from 1 on.
    private long numbers(Snapshot snapshot) throws Exception {
        var image =
                disk.mountPoint()
                        .resolve("pool/snapshots")
                        .resolve(snapshot.getSnapshotId())
                        .resolve("image");
        var at = Files.createTempDirectory(folder, "snapshot");
        var loop = LoopDevices.attach(image, "stowage-test:" + at.getFileName(), 512, false);
        try {
            Mounts.mount("ext4", loop.path().toString(), at, Set.of(), List.of());
            try {
                var file = at.resolve("numbers");
                var bytes =
                        ByteBuffer.wrap(
                                Files.exists(file) ? Files.readAllBytes(file) : new byte[0]);
                var count = 0L;
                while (bytes.remaining() >= Long.BYTES) {
                    count++;
                    assertThat(bytes.getLong()).isEqualTo(count);
                }
                return count;
            } finally {
                Mounts.unmount(at);
            }
        } finally {
            LoopDevices.detach(loop);
            Files.delete(at);
        }
    }

    private boolean ordered(List<Snapshot> snapshots) throws Exception {
        var first = numbers(of(snapshots, volumes.getFirst()));
        var second = numbers(of(snapshots, volumes.getLast()));
        return first == second || first == second + 1;
    }

    private static Snapshot of(List<Snapshot> snapshots, String volume) {
        return snapshots.stream()
                .filter(snapshot -> snapshot.getSourceVolumeId().equals(volume))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void everyGroupKeepsTheOrderInWhichItsVolumesWereWritten() throws Exception {
        for (var i = 0; i < GROUPS; i++) {
            var before = writer.written;
            var group =
                    driver.groups()
                            .createVolumeGroupSnapshot(
                                    CreateVolumeGroupSnapshotRequest.newBuilder()
                                            .setName("g" + i)
                                            .addAllSourceVolumeIds(volumes)
                                            .build())
                            .getGroupSnapshot();
            assertThat(group.getReadyToUse()).isTrue();
            assertThat(ordered(group.getSnapshotsList())).isTrue();
            assertThat(numbers(group.getSnapshots(0))).isGreaterThanOrEqualTo(before);
            var _ =
                    driver.groups()
                            .deleteVolumeGroupSnapshot(
                                    DeleteVolumeGroupSnapshotRequest.newBuilder()
                                            .setGroupSnapshotId(group.getGroupSnapshotId())
                                            .build());
        }
        assertThat(writer.isAlive()).isTrue();
    }

    @Test
    void withoutTheFreezeTheOrderIsLostSoThatTheTestCanFail() throws Exception {
        var lost = false;
        for (var i = 0; i < TRIES && !lost; i++) {
            var snapshots = new ArrayList<Snapshot>();
            for (var volume : volumes) {
                snapshots.add(snapshot(volume, "s" + i + volume));
            }
            lost = !ordered(snapshots);
            for (var snapshot : snapshots) {
                var _ =
                        driver.controller()
                                .deleteSnapshot(
                                        DeleteSnapshotRequest.newBuilder()
                                                .setSnapshotId(snapshot.getSnapshotId())
                                                .build());
            }
        }
        assertThat(lost).isTrue();
    }

    private Snapshot snapshot(String volume, String name) {
        return driver.controller()
                .createSnapshot(
                        CreateSnapshotRequest.newBuilder()
                                .setName(name)
                                .setSourceVolumeId(volume)
                                .build())
                .getSnapshot();
    }
}
