package dev.stowage.node.filesystem;

import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import dev.stowage.node.device.DeviceBytes;
import dev.stowage.volume.FileSystemType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/// What the superblock of a file system says that keeps it from being mounted from this device or
/// image alone: a part of it is missing, or lies elsewhere. All else the kernel has to say.
public final class Superblocks {
    private static final long BTRFS = 64 << 10;

    // struct xfs_dsb, fs/xfs/libxfs/xfs_format.h; big endian
    private static final int XFS_BLOCK_SIZE = 4;
    private static final int XFS_BLOCKS = 8;
    private static final int XFS_LOG_START = 48;
    private static final int XFS_BYTES = 512;

    private Superblocks() {}

    /// A clause about "it", the device or image, with what to do; empty if nothing is in the way.
    ///
    /// @param bytes how long the device or image is
    public static Optional<String> obstacle(FileSystemType fileSystem, Path device, long bytes)
            throws IOException {
        try (var fd = Fd.open(device, OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK)) {
            return obstacle(fileSystem, fd, bytes);
        }
    }

    static Optional<String> obstacle(FileSystemType fileSystem, Fd device, long bytes)
            throws IOException {
        return switch (fileSystem) {
            case EXT4, EXT3 ->
                    ExtSuperblock.primary(device, bytes)
                            .flatMap(superblock -> ext(fileSystem, superblock, bytes));
            case XFS -> xfs(DeviceBytes.read(device, 0, XFS_BYTES, bytes), bytes);
            case BTRFS -> btrfs(BtrfsSuperblock.read(device, BTRFS, bytes), bytes);
        };
    }

    private static Optional<String> ext(
            FileSystemType fileSystem, ExtSuperblock superblock, long bytes) {
        return superblock.journalElsewhere()
                ? Optional.of(
                        "the journal of the %s lies on another device: make it internal (tune2fs -O ^has_journal, then tune2fs -j)"
                                .formatted(fileSystem))
                : cutShort(fileSystem, superblock.fileSystemBytes(), bytes);
    }

    private static Optional<String> xfs(DeviceBytes superblock, long bytes) {
        if (!superblock.holds(0, XFS_BYTES)) {
            return Optional.empty();
        }
        if (superblock.bigEndian(XFS_LOG_START) == 0) {
            return Optional.of(
                    "the log of the xfs lies on another device: copy its files into an xfs with an internal log");
        }
        var blockSize = superblock.bigEndian(XFS_BLOCK_SIZE) >>> Integer.SIZE;
        return cutShort(FileSystemType.XFS, superblock.bigEndian(XFS_BLOCKS) * blockSize, bytes);
    }

    private static Optional<String> btrfs(BtrfsSuperblock superblock, long bytes) {
        return superblock.devices() > 1
                ? Optional.of(
                        "the btrfs lies on %d devices, and this is one of them: mount it with all of them, take the others out (btrfs device remove), or copy its files"
                                .formatted(superblock.devices()))
                : cutShort(FileSystemType.BTRFS, superblock.deviceBytes(), bytes);
    }

    private static Optional<String> cutShort(FileSystemType fileSystem, long has, long bytes) {
        return Long.compareUnsigned(has, bytes) > 0
                ? Optional.of(
                        "the %s has %s bytes, but what holds it only %d, so it was cut short: copy it again, whole"
                                .formatted(fileSystem, Long.toUnsignedString(has), bytes))
                : Optional.empty();
    }
}
