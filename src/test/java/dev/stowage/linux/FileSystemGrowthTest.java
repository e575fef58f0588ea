package dev.stowage.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.LoopFileSystem.Kind;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class FileSystemGrowthTest {
    @TempDir(factory = TestFolder.class)
    Path folder;

    private static void growDevice(LoopFileSystem volume, long bytes) throws IOException {
        try (var image = Fd.open(volume.image(), OpenFlags.O_RDWR)) {
            image.truncate(bytes);
        }
        LoopDevices.adoptNewSize(volume.device());
        assertThat(LoopDevices.at(volume.device().path()).orElseThrow().sizeBytes())
                .isEqualTo(bytes);
    }

    private static long bytes(LoopFileSystem volume) throws IOException {
        return switch (volume.kind()) {
            case EXT4 -> FileSystemGrowth.ext4Bytes(volume.device().path());
            case XFS -> FileSystemGrowth.xfsBytes(volume.mountPoint());
            case BTRFS -> FileSystemGrowth.btrfsBytes(volume.mountPoint());
        };
    }

    private static void grow(LoopFileSystem volume) throws IOException {
        switch (volume.kind()) {
            case EXT4 -> FileSystemGrowth.ext4(volume.device().path(), volume.mountPoint());
            case XFS -> FileSystemGrowth.xfs(volume.mountPoint());
            case BTRFS -> FileSystemGrowth.btrfs(volume.mountPoint());
        }
    }

    @ParameterizedTest
    @EnumSource
    void theSizeIsThatOfTheDevice(Kind kind) throws Exception {
        try (var volume = LoopFileSystem.make(folder, kind, kind.leastBytes())) {
            assertThat(bytes(volume)).isEqualTo(kind.leastBytes());
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"XFS", "BTRFS"})
    void aMountedFileSystemGrowsWithItsDevice(Kind kind) throws Exception {
        var before = kind.leastBytes();
        var after = before + (128L << 20);
        try (var volume = LoopFileSystem.make(folder, kind, before)) {
            assertThat(bytes(volume)).isEqualTo(before);

            growDevice(volume, after);
            grow(volume);

            assertThat(bytes(volume)).isEqualTo(after);
            assertThat(Linux.statfs(volume.mountPoint()).totalBytes()).isGreaterThan(before);
        }
    }

    @Test
    void growingAMountedExt4SaysWhichRightIsMissing() throws Exception {
        var before = Kind.EXT4.leastBytes();
        try (var volume = LoopFileSystem.make(folder, Kind.EXT4, before)) {
            growDevice(volume, 2 * before);
            if (Linux.hasCapSysResource()) {
                grow(volume);
                assertThat(bytes(volume)).isEqualTo(2 * before);
            } else {
                assertThatThrownBy(() -> grow(volume))
                        .isInstanceOf(CommandException.class)
                        .hasMessageContaining("Permission denied");
                assertThat(bytes(volume)).isEqualTo(before);
            }
        }
    }

    @Test
    void whatIsNoExt4HasNoExt4Size() throws Exception {
        var image = LoopFileSystem.sparseFile(folder.resolve("blank"), 1 << 20);
        assertThatThrownBy(() -> FileSystemGrowth.ext4Bytes(image))
                .hasMessageContaining("no ext4 superblock");
        var tiny = LoopFileSystem.sparseFile(folder.resolve("tiny"), 100);
        assertThatThrownBy(() -> FileSystemGrowth.ext4Bytes(tiny))
                .hasMessageContaining("no ext4 superblock");
        assertThatThrownBy(() -> FileSystemGrowth.xfsBytes(folder)).hasMessageContaining("ENOTTY");
    }

    @Test
    void aCloneSharesItsBlocksWhereTheFileSystemCan() throws Exception {
        for (var kind : Kind.values()) {
            try (var volume = LoopFileSystem.make(folder, kind, kind.leastBytes())) {
                var flags = OpenFlags.O_RDWR | OpenFlags.O_CREAT;
                try (var from = Fd.open(volume.mountPoint().resolve("from"), flags, 0600);
                        var to = Fd.open(volume.mountPoint().resolve("to"), flags, 0600)) {
                    assertThat(from.write(ByteBuffer.wrap(new byte[8192]), 0)).isEqualTo(8192);
                    if (kind.canClone()) {
                        Linux.cloneFile(from, to);
                        assertThat(to.stat().size()).isEqualTo(8192);
                    } else {
                        assertThatThrownBy(() -> Linux.cloneFile(from, to))
                                .hasMessageContaining("EOPNOTSUPP");
                    }
                }
            }
        }
    }
}
