package dev.stowage.node.filesystem;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.linux.Command;
import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import dev.stowage.node.TestVolume;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.node.device.DeviceBytes;
import dev.stowage.spi.Attachment;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// 10: what makes a copy of a btrfs another file system, judged by btrfs-progs and the kernel.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
final class BtrfsIdentityTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final long FIRST = 64 << 10;
    private static final long SECOND = 64 << 20;

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    private interface Work {
        void on(TestVolume volume, BlockDevice device) throws IOException;
    }

    /// A volume with a btrfs in it, attached and mounted nowhere.
    private void onBtrfs(Work work, String... mkfsOptions) throws IOException {
        try (var volume = TestVolume.of(folder, FileSystemType.BTRFS, mkfsOptions)) {
            volume.stage();
            volume.unstage();
            var attachment = new Attachment.LoopFile(volume.id(), false);
            var device = volume.connectors().connect(attachment, 512, false).device();
            try {
                work.on(volume, device);
            } finally {
                device.release();
            }
        }
    }

    private static BtrfsSuperblock superblock(BlockDevice device, long position)
            throws IOException {
        try (var fd = Fd.open(device.path(), OpenFlags.O_RDONLY)) {
            var read = DeviceBytes.read(fd, position, BtrfsSuperblock.BYTES, fd.blockDeviceBytes());
            return new BtrfsSuperblock(read.bytes().array());
        }
    }

    private static void write(BlockDevice device, BtrfsSuperblock superblock, long position)
            throws IOException {
        try (var fd = Fd.open(device.path(), OpenFlags.O_RDWR)) {
            assertThat(fd.write(superblock.bytes(), position)).isEqualTo(BtrfsSuperblock.BYTES);
            fd.fsync();
        }
    }

    private static void tear(BlockDevice device, long position) throws IOException {
        try (var fd = Fd.open(device.path(), OpenFlags.O_RDWR)) {
            var half = ByteBuffer.allocate(512);
            assertThat(fd.write(half, position + 512)).isEqualTo(512);
            fd.fsync();
        }
    }

    private static void assertSound(BlockDevice device) throws IOException {
        Command.run(List.of("btrfs", "check", "--readonly", device.path().toString()), LIMIT);
    }

    @ParameterizedTest
    @ValueSource(strings = {"crc32c", "sha256"})
    void itGetsAnFsidOfItsOwnInEverySuperblockAndStaysSound(String checksum) throws IOException {
        onBtrfs(
                (volume, device) -> {
                    var before = superblock(device, FIRST);
                    assertThat(before.valid()).isTrue();
                    BtrfsIdentity.renew(volume.id(), device);
                    for (var position : List.of(FIRST, SECOND)) {
                        var after = superblock(device, position);
                        assertThat(after.valid()).isTrue();
                        assertThat(after.fsid())
                                .isEqualTo(BtrfsIdentity.of(volume.id()))
                                .isNotEqualTo(before.fsid());
                    }
                    assertSound(device);
                },
                "--csum",
                checksum);
    }

    @Test
    void aRepetitionWritesTheSame() throws IOException {
        onBtrfs(
                (volume, device) -> {
                    BtrfsIdentity.renew(volume.id(), device);
                    var once = volume.hash();
                    BtrfsIdentity.renew(volume.id(), device);
                    assertThat(volume.hash()).isEqualTo(once);
                });
    }

    /// As a copy of a copy does.
    @Test
    void aCopyOfACopyGetsAnother() throws IOException {
        onBtrfs(
                (volume, device) -> {
                    write(device, superblock(device, FIRST).as(UUID.randomUUID(), FIRST), FIRST);
                    assertSound(device);
                    BtrfsIdentity.renew(volume.id(), device);
                    assertThat(superblock(device, FIRST).fsid())
                            .isEqualTo(BtrfsIdentity.of(volume.id()));
                    assertSound(device);
                });
    }

    /// 36: killed after the first of two writes, or by a power cut in the second.
    @Test
    void whatAKillOrATornWriteLeftIsFinishedByTheRepetition() throws IOException {
        onBtrfs(
                (volume, device) -> {
                    var old = superblock(device, FIRST);
                    BtrfsIdentity.renew(volume.id(), device);
                    var whole = volume.hash();
                    write(device, old, FIRST);
                    BtrfsIdentity.renew(volume.id(), device);
                    assertThat(volume.hash()).isEqualTo(whole);
                    tear(device, FIRST);
                    assertThat(superblock(device, FIRST).valid()).isFalse();
                    BtrfsIdentity.renew(volume.id(), device);
                    assertThat(volume.hash()).isEqualTo(whole);
                });
    }

    @Test
    void aSuperblockThatWasDamagedBeforeIsLeftAsItIs() throws IOException {
        onBtrfs(
                (volume, device) -> {
                    tear(device, FIRST);
                    var before = volume.hash();
                    assertThatThrownBy(() -> BtrfsIdentity.renew(volume.id(), device))
                            .isInstanceOfSatisfying(
                                    VolumeException.class,
                                    e -> assertThat(e.reason()).isEqualTo(Reason.DAMAGED));
                    assertThat(volume.hash()).isEqualTo(before);
                });
    }
}
