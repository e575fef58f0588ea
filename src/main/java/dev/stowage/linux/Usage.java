package dev.stowage.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;

/// What statfs(2) says of a file system.
///
/// @param type the magic number, see the constants
/// @param blockSize in bytes
/// @param freeBytes free for root
/// @param availableBytes free for everybody else
/// @param inodes 0 where the file system has no fixed number of them (btrfs)
/// @param readOnly of the mount that the path goes through, or of the whole file system
public record Usage(
        long type,
        long blockSize,
        long totalBytes,
        long freeBytes,
        long availableBytes,
        long inodes,
        long freeInodes,
        boolean readOnly) {
    // linux/magic.h
    public static final long EXT4 = 0xEF53;
    public static final long XFS = 0x58465342;
    public static final long BTRFS = 0x9123683EL;
    public static final long OVERLAY = 0x794c7630;
    public static final long TMPFS = 0x01021994;
    public static final long RAMFS = 0x858458f6L;
    public static final long NFS = 0x6969;

    /// sizeof(struct statfs), asm-generic/statfs.h with 64-bit words (x86-64 and arm64).
    private static final int STATFS_SIZE = 120;

    /// linux/statfs.h
    private static final long ST_RDONLY = 1;

    /// Whether it has a certain number of inodes. Some file systems tell none, or none free, and
    /// make them as they are needed.
    public boolean countsInodes() {
        return inodes > 0 && freeInodes >= 0;
    }

    /// The same below a limit of which `leftBytes` are left.
    public Usage within(long limitBytes, long leftBytes) {
        return new Usage(
                type,
                blockSize,
                Math.min(totalBytes, limitBytes),
                Math.min(freeBytes, leftBytes),
                Math.min(availableBytes, leftBytes),
                inodes,
                freeInodes,
                readOnly);
    }

    static Usage read(Path path) throws ErrnoException {
        var name = Syscall.cString(path);
        var statfs = new byte[STATFS_SIZE];
        Syscall.retrying("statfs", path, () -> LibC.LIBC.statfs(name, statfs));
        var fields = ByteBuffer.wrap(statfs).order(ByteOrder.nativeOrder());
        var fragmentSize = fields.getLong(72); // f_frsize, the unit of the block counts
        var blockSize = fragmentSize == 0 ? fields.getLong(8) : fragmentSize; // f_bsize
        return new Usage(
                fields.getLong(0), // f_type
                blockSize,
                fields.getLong(16) * blockSize, // f_blocks
                fields.getLong(24) * blockSize, // f_bfree
                fields.getLong(32) * blockSize, // f_bavail
                fields.getLong(40), // f_files
                fields.getLong(48), // f_ffree
                (fields.getLong(80) & ST_RDONLY) != 0); // f_flags
    }
}
