package dev.stowage.node.filesystem;

import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import dev.stowage.node.device.DeviceBytes;
import java.io.IOException;
import java.nio.file.Path;

/// What the first superblock of a btrfs says (struct btrfs_super_block, linux/btrfs_tree.h).
final class Btrfs {
    private static final long SUPERBLOCK = 64 << 10;
    private static final int LOG_ROOT = 96;

    private Btrfs() {}

    /// Whether a log was left that the next mount must replay.
    static boolean isDirty(Path device) throws IOException {
        try (var fd = Fd.open(device, OpenFlags.O_RDONLY)) {
            var at = SUPERBLOCK + LOG_ROOT;
            var area = DeviceBytes.read(fd, at, Long.BYTES, fd.blockDeviceBytes());
            return (area.integer(at) | area.integer(at + Integer.BYTES)) != 0;
        }
    }
}
