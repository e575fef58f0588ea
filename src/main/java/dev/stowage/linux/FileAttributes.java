package dev.stowage.linux;

import static dev.stowage.linux.LibC.LIBC;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/// What a file has beside its content, to be given to a copy: owner, mode, times to the nanosecond,
/// and extended attributes, among which are ACLs and capabilities.
public final class FileAttributes {
    // linux/stat.h: stx_atime and stx_mtime, each 8 bytes of seconds and 4 of nanoseconds
    private static final int ATIME = 64;
    private static final int MTIME = 112;

    /// struct timespec of 64-bit machines
    private static final int TIMESPEC_BYTES = 16;

    /// XATTR_LIST_MAX and XATTR_SIZE_MAX, linux/limits.h
    private static final int MOST_BYTES = 64 << 10;

    /// Under such names XFS shows once more what `system.posix_acl_...` says.
    private static final String XFS_ACL = "trusted.SGI_ACL_";

    private final Stat stat;
    private final byte[] times;
    private final Map<FileName, byte[]> extended;

    private FileAttributes(Stat stat, byte[] times, Map<FileName, byte[]> extended) {
        this.stat = stat;
        this.times = times;
        this.extended = extended;
    }

    /// @param file opened in any way, also O_PATH
    public static FileAttributes of(Fd file) throws ErrnoException {
        var statx = new byte[Stat.STATX_SIZE];
        Syscall.retrying(
                "statx",
                file,
                () ->
                        Stat.statx(
                                file.number(),
                                Syscall.EMPTY_PATH,
                                SystemCalls.AT_EMPTY_PATH,
                                statx));
        return new FileAttributes(Stat.of(statx), times(statx), extended(file));
    }

    private static byte[] times(byte[] statx) {
        var fields = ByteBuffer.wrap(statx).order(ByteOrder.nativeOrder());
        var times = ByteBuffer.allocate(2 * TIMESPEC_BYTES).order(ByteOrder.nativeOrder());
        for (var at : new int[] {ATIME, MTIME}) {
            times.putLong(fields.getLong(at)).putLong(fields.getInt(at + Long.BYTES));
        }
        return times.array();
    }

    public Stat stat() {
        return stat;
    }

    /// Whether the content may have changed since the other was looked at.
    public boolean sameContent(FileAttributes other) {
        return stat.size() == other.stat.size()
                && Arrays.equals(
                        times,
                        TIMESPEC_BYTES,
                        2 * TIMESPEC_BYTES,
                        other.times,
                        TIMESPEC_BYTES,
                        2 * TIMESPEC_BYTES);
    }

    /// Gives them to a file of the same kind, in the order in which none undoes another: a new
    /// owner takes capabilities and the set-uid bit away, and everything sets the time.
    ///
    /// @param file opened in any way, also O_PATH
    public void giveTo(Fd file) throws ErrnoException {
        Syscall.retrying(
                "fchownat",
                file,
                () ->
                        LIBC.fchownat(
                                file.number(),
                                Syscall.EMPTY_PATH,
                                stat.uid(),
                                stat.gid(),
                                SystemCalls.AT_EMPTY_PATH));
        var path = Syscall.cString(file.path());
        if (!stat.isSymlink()) {
            Syscall.retrying(
                    "chmod",
                    file,
                    () -> Syscall.POSIX.chmod(file.path().toString(), stat.permissions()));
        }
        for (var attribute : extended.entrySet()) {
            set(file, path, attribute.getKey(), attribute.getValue());
        }
        Syscall.retrying(
                "utimensat",
                file,
                () ->
                        LIBC.utimensat(
                                file.number(),
                                Syscall.EMPTY_PATH,
                                times,
                                SystemCalls.AT_EMPTY_PATH));
    }

    private static void set(Fd file, byte[] path, FileName name, byte[] value)
            throws ErrnoException {
        try {
            Syscall.retrying(
                    "setxattr",
                    file + ", attribute " + name,
                    () -> LIBC.setxattr(path, name.cString(), value, value.length, 0));
        } catch (ErrnoException e) {
            if (!e.is(Errno.EOPNOTSUPP) || isForEveryFileSystem(name)) {
                throw e;
            }
        }
    }

    /// Others mean something to the source's own file system alone, or to its SELinux:
    /// `btrfs.compression`, `system.nfs4_acl`, `security.selinux`.
    private static boolean isForEveryFileSystem(FileName name) {
        var text = name.toString();
        return text.startsWith("user.")
                || text.startsWith("trusted.")
                || text.startsWith("system.posix_acl_")
                || text.equals("security.capability");
    }

    private static Map<FileName, byte[]> extended(Fd file) throws ErrnoException {
        var path = Syscall.cString(file.path());
        var list = new byte[MOST_BYTES];
        var length =
                Syscall.expecting(
                        "listxattr",
                        file,
                        () -> LIBC.listxattr(path, list, list.length),
                        Errno.EOPNOTSUPP);
        var attributes = new LinkedHashMap<FileName, byte[]>();
        for (int at = 0, end; at < length; at = end + 1) {
            end = at;
            while (list[end] != 0) {
                end++;
            }
            var name = new FileName(Arrays.copyOfRange(list, at, end));
            if (!name.toString().startsWith(XFS_ACL)) {
                attributes.put(name, value(file, path, name));
            }
        }
        return attributes;
    }

    private static byte[] value(Fd file, byte[] path, FileName name) throws ErrnoException {
        var value = new byte[MOST_BYTES];
        var length =
                Syscall.retrying(
                        "getxattr",
                        file + ", attribute " + name,
                        () -> LIBC.getxattr(path, name.cString(), value, value.length));
        return Arrays.copyOf(value, (int) length);
    }
}
