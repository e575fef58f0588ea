package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.VolumeId;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
final class SharedBlocksTest {
    private static final long MIB = 1L << 20;
    private static final long TOLERANCE = 16 * MIB;

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @ParameterizedTest
    @EnumSource(
            value = LoopFileSystem.Kind.class,
            names = {"XFS", "BTRFS"})
    @DisplayName("63: blocks that a snapshot shares stay reserved, whoever counts")
    void sharedBlocksCountOnce(LoopFileSystem.Kind kind) throws Exception {
        try (var disk = LoopFileSystem.make(folder, "disk", kind, 768 * MIB);
                var pool =
                        new TestPool(
                                disk.mountPoint().resolve("pool"),
                                folder.resolve("state"),
                                false)) {
            var others = disk.mountPoint().resolve("others");
            try (var fd = Fd.open(others, OpenFlags.O_RDWR | OpenFlags.O_CREAT, 0600)) {
                fd.allocate(200 * MIB); // what is not the pool's makes a wrong sum show
                fd.fsync();
            }
            var backend = pool.open();
            var volume =
                    backend.create(VolumeId.of(backend.pool(), "v"), Specs.thick("v", 128 * MIB));
            write(backend.image(volume.id()), 128);
            backend = pool.reopen();
            var before = backend.capacity(Provisioning.THICK);
            var id = SnapshotId.of(backend.pool(), "s");
            assertThat(backend.createSnapshot(id, "s", volume.id()).ready()).isTrue();
            var counting = backend.capacity(Provisioning.THICK).availableBytes();
            assertThat(counting).isLessThan(before.availableBytes() - 128 * MIB + TOLERANCE);
            Linux.syncfs(disk.mountPoint());

            var counted = pool.reopen().capacity(Provisioning.THICK);

            assertThat(counted.totalBytes()).isLessThan(before.totalBytes() + TOLERANCE);
            assertThat(counted.availableBytes())
                    .isLessThan(before.availableBytes() - 128 * MIB + TOLERANCE)
                    .isGreaterThan(before.availableBytes() - 128 * MIB - TOLERANCE);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = LoopFileSystem.Kind.class,
            names = {"XFS", "BTRFS"})
    @DisplayName("58: what is reserved for shared blocks is free again when the snapshot is gone")
    void snapshotsThatCameAndWentTakeNoRoom(LoopFileSystem.Kind kind) throws Exception {
        try (var disk = LoopFileSystem.make(folder, "disk", kind, 768 * MIB);
                var pool =
                        new TestPool(
                                disk.mountPoint().resolve("pool"),
                                folder.resolve("state"),
                                false)) {
            var backend = pool.open();
            var volume =
                    backend.create(VolumeId.of(backend.pool(), "v"), Specs.thick("v", 64 * MIB));
            write(backend.image(volume.id()), 64);
            var before = backend.capacity(Provisioning.THICK).availableBytes();
            for (var i = 0; i < 5; i++) {
                var id = SnapshotId.of(backend.pool(), "s" + i);
                backend.createSnapshot(id, "s" + i, volume.id());
                backend.deleteSnapshot(id);
            }
            Polling.await(
                    "all is available again",
                    Duration.ofSeconds(20),
                    () ->
                            backend.capacity(Provisioning.THICK).availableBytes()
                                    > before - TOLERANCE);
        }
    }

    private static void write(Path image, int mebibytes) throws Exception {
        var block = ByteBuffer.allocate((int) MIB);
        Arrays.fill(block.array(), (byte) 1);
        try (var fd = Fd.open(image, OpenFlags.O_RDWR)) {
            for (var i = 0; i < mebibytes; i++) {
                assertThat(fd.write(block.rewind(), i * MIB)).isEqualTo((int) MIB);
            }
            fd.fsync();
        }
    }
}
