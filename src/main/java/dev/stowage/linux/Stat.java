package dev.stowage.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/// What statx(2) says of a file, asked for by path or descriptor.
///
/// @param dev the file system's device number as stat(2) has it
/// @param mode type and permissions
/// @param rdev the device number of a device file, else 0
/// @param size in bytes
/// @param blocks512 allocated, in units of 512 bytes whatever the file system's block size is
public record Stat(
        long dev,
        long ino,
        int mode,
        long rdev,
        long nlink,
        int uid,
        int gid,
        long size,
        long blocks512) {
    // linux/stat.h
    private static final int S_IFMT = 0170000;
    private static final int S_IFDIR = 0040000;
    static final int S_IFBLK = 0060000;
    private static final int S_IFREG = 0100000;
    private static final int S_IFLNK = 0120000;
    private static final int S_IFSOCK = 0140000;
    private static final long STATX_BASIC_STATS = 0x7ff;

    /// sizeof(struct statx), linux/stat.h; the same on all architectures, unlike struct stat.
    static final int STATX_SIZE = 256;

    /// Of `path` below `folder`, or of the descriptor `folder` itself (AT_EMPTY_PATH).
    static Stat read(int folder, byte[] path, int flags, Object subject) throws ErrnoException {
        var statx = new byte[STATX_SIZE];
        Syscall.retrying("statx", subject, () -> statx(folder, path, flags, statx));
        return of(statx);
    }

    /// As [#read], but empty where the kernel answers ENOENT or ENOTDIR.
    static Optional<Stat> find(int folder, byte[] path, int flags, Object subject)
            throws ErrnoException {
        var statx = new byte[STATX_SIZE];
        var result =
                Syscall.expecting(
                        "statx",
                        subject,
                        () -> statx(folder, path, flags, statx),
                        Errno.ENOENT,
                        Errno.ENOTDIR);
        return result == Syscall.FAILED ? Optional.empty() : Optional.of(of(statx));
    }

    /// As [#find], not following a symlink at the end of the path, and by the server's word where
    /// the file system is a network's.
    static Optional<FileVersion> version(int folder, byte[] path, Object subject)
            throws ErrnoException {
        var statx = new byte[STATX_SIZE];
        var flags = SystemCalls.AT_SYMLINK_NOFOLLOW | SystemCalls.AT_STATX_FORCE_SYNC;
        var result =
                Syscall.expecting(
                        "statx",
                        subject,
                        () -> statx(folder, path, flags, statx),
                        Errno.ENOENT,
                        Errno.ENOTDIR);
        if (result == Syscall.FAILED) {
            return Optional.empty();
        }
        var fields = ByteBuffer.wrap(statx).order(ByteOrder.nativeOrder());
        return Optional.of(
                new FileVersion(
                        dev(fields),
                        ino(fields),
                        size(fields),
                        nanos(fields, 112), // stx_mtime
                        nanos(fields, 96))); // stx_ctime
    }

    private static long nanos(ByteBuffer fields, int offset) {
        return fields.getLong(offset) * 1_000_000_000L + fields.getInt(offset + 8);
    }

    static long statx(int folder, byte[] path, int flags, byte[] statx) {
        return LibC.LIBC.syscall(
                SystemCalls.STATX,
                folder,
                path,
                flags | SystemCalls.AT_NO_AUTOMOUNT,
                STATX_BASIC_STATS,
                statx);
    }

    static Stat of(byte[] statx) {
        var fields = ByteBuffer.wrap(statx).order(ByteOrder.nativeOrder());
        return new Stat(
                dev(fields),
                ino(fields),
                Short.toUnsignedInt(fields.getShort(28)), // stx_mode
                deviceNumber(
                        fields.getInt(128), fields.getInt(132)), // stx_rdev_major, stx_rdev_minor
                Integer.toUnsignedLong(fields.getInt(16)), // stx_nlink
                fields.getInt(20), // stx_uid
                fields.getInt(24), // stx_gid
                size(fields),
                fields.getLong(48)); // stx_blocks
    }

    private static long dev(ByteBuffer fields) {
        return deviceNumber(fields.getInt(136), fields.getInt(140)); // stx_dev_major, stx_dev_minor
    }

    private static long ino(ByteBuffer fields) {
        return fields.getLong(32); // stx_ino
    }

    private static long size(ByteBuffer fields) {
        return fields.getLong(40); // stx_size
    }

    /// new_encode_dev of linux/kdev_t.h: 12 bits of major, 20 of minor; what stat(2) and the loop
    /// driver answer.
    static long deviceNumber(int major, int minor) {
        return (minor & 0xffL) | ((long) major << 8) | ((minor & ~0xffL) << 12);
    }

    static int major(long deviceNumber) {
        return (int) ((deviceNumber >>> 8) & 0xfff);
    }

    static int minor(long deviceNumber) {
        return (int) ((deviceNumber & 0xff) | ((deviceNumber >>> 12) & 0xfff00));
    }

    /// What chmod(2) changes of the mode.
    public int permissions() {
        return mode & 07777;
    }

    public boolean isFolder() {
        return (mode & S_IFMT) == S_IFDIR;
    }

    public boolean isRegularFile() {
        return (mode & S_IFMT) == S_IFREG;
    }

    public boolean isBlockDevice() {
        return (mode & S_IFMT) == S_IFBLK;
    }

    public boolean isSymlink() {
        return (mode & S_IFMT) == S_IFLNK;
    }

    public boolean isSocket() {
        return (mode & S_IFMT) == S_IFSOCK;
    }

    public long allocatedBytes() {
        return blocks512 * 512;
    }

    public FileId id() {
        return new FileId(dev, ino);
    }
}
