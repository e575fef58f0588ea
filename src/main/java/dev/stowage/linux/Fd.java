package dev.stowage.linux;

import static dev.stowage.linux.LibC.LIBC;
import static dev.stowage.linux.Syscall.POSIX;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/// An open descriptor, close-on-exec. Closing twice is harmless; any use after that is an
/// [IllegalStateException], never a call on a number that by then is somebody else's file. Not
/// meant to be closed by one thread while another uses it.
public final class Fd implements AutoCloseable {
    // linux/fs.h
    private static final long BLKGETSIZE64 = 0x80081272L;
    /// linux/fadvise.h
    private static final int POSIX_FADV_RANDOM = 1;

    private static final int POSIX_FADV_DONTNEED = 4;

    /// asm-generic/fcntl.h, linux/fcntl.h
    private static final int F_DUPFD_CLOEXEC = 1030;

    private static final int SEEK_SET = 0;
    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;
    private static final int CLOSED = -1;

    private final AtomicInteger number;
    private final String name;

    private Fd(int number, String name) {
        this.number = new AtomicInteger(number);
        this.name = name;
    }

    /// Takes over a descriptor that a system call has just answered; `name` is for error messages.
    static Fd of(long number, String name) {
        return new Fd(Math.toIntExact(number), name);
    }

    public static Fd open(Path path, int flags) throws ErrnoException {
        return open(path, flags, 0);
    }

    /// Empty where there is nothing by that name (ENOENT).
    public static Optional<Fd> openIfExists(Path path, int flags) throws ErrnoException {
        var bytes = Syscall.cString(path);
        var number =
                Syscall.expecting(
                        "openat",
                        path,
                        () ->
                                LIBC.openat(
                                        SystemCalls.AT_FDCWD,
                                        bytes,
                                        flags | OpenFlags.O_CLOEXEC,
                                        0),
                        Errno.ENOENT);
        return number == Syscall.FAILED
                ? Optional.empty()
                : Optional.of(of(number, path.toString()));
    }

    /// openat(2) from the working directory. `mode` counts only with O_CREAT, and the umask is
    /// taken from it.
    public static Fd open(Path path, int flags, int mode) throws ErrnoException {
        return open(SystemCalls.AT_FDCWD, Syscall.cString(path), flags, mode, path.toString());
    }

    /// Opens `name`, one path component, in this folder. With O_NOFOLLOW nothing that somebody put
    /// there in the meantime leads elsewhere.
    public Fd openAt(String component, int flags, int mode) throws ErrnoException {
        return open(number(), component(component), flags, mode, name + "/" + component);
    }

    static Fd open(int folder, byte[] path, int flags, int mode, String name)
            throws ErrnoException {
        var number =
                Syscall.retrying(
                        "openat",
                        name,
                        () -> LIBC.openat(folder, path, flags | OpenFlags.O_CLOEXEC, mode));
        return of(number, name);
    }

    /// The same open file under another number, the lowest free one from `least` on
    /// (fcntl(2), F_DUPFD_CLOEXEC).
    Fd duplicate(int least) throws ErrnoException {
        var made = Syscall.once("fcntl", name, LIBC.fcntl(number(), F_DUPFD_CLOEXEC, least));
        return of(made, name);
    }

    public void mkdirAt(String component, int mode) throws ErrnoException {
        var folder = number();
        var path = component(component);
        Syscall.retrying("mkdirat", name + "/" + component, () -> LIBC.mkdirat(folder, path, mode));
    }

    /// As [#mkdirAt], but false where something has that name already.
    public boolean mkdirAtIfAbsent(String component, int mode) throws ErrnoException {
        var folder = number();
        var path = component(component);
        var made =
                Syscall.expecting(
                        "mkdirat",
                        name + "/" + component,
                        () -> LIBC.mkdirat(folder, path, mode),
                        Errno.EEXIST);
        return made != Syscall.FAILED;
    }

    public void unlinkAt(String component) throws ErrnoException {
        unlinkAt(component, 0);
    }

    public void rmdirAt(String component) throws ErrnoException {
        unlinkAt(component, SystemCalls.AT_REMOVEDIR);
    }

    private void unlinkAt(String component, int flags) throws ErrnoException {
        var folder = number();
        var path = component(component);
        Syscall.retrying(
                "unlinkat", name + "/" + component, () -> LIBC.unlinkat(folder, path, flags));
    }

    /// lstat of `component` in this folder.
    public Stat statAt(String component) throws ErrnoException {
        return Stat.read(
                number(),
                component(component),
                SystemCalls.AT_SYMLINK_NOFOLLOW,
                name + "/" + component);
    }

    /// The version of what has this relative path below this folder, a symlink itself; empty where
    /// there is nothing. A network file system is asked anew, whatever attributes it has cached
    /// (AT_STATX_FORCE_SYNC).
    public Optional<FileVersion> versionAt(String path) throws ErrnoException {
        return Stat.version(number(), Syscall.cString(path), path);
    }

    private static byte[] component(String component) {
        if (component.isEmpty() || component.indexOf('/') >= 0 || component.equals("..")) {
            throw new IllegalArgumentException("\"" + component + "\" is not one path component.");
        }
        return Syscall.cString(component);
    }

    public int number() {
        var open = number.get();
        if (open == CLOSED) {
            throw new IllegalStateException("The descriptor of " + name + " is closed.");
        }
        return open;
    }

    /// A path by which this process reaches the open file whatever happened to its name:
    /// `/proc/self/fd/N`.
    public Path path() {
        return Path.of("/proc/self/fd/" + number());
    }

    public Stat stat() throws ErrnoException {
        return Stat.read(number(), Syscall.EMPTY_PATH, SystemCalls.AT_EMPTY_PATH, name);
    }

    /// An error means that written bytes may be lost and that a second fsync would not say so
    /// again.
    public void fsync() throws ErrnoException {
        var open = number();
        Syscall.retrying("fsync", name, () -> POSIX.fsync(open));
    }

    public void fdatasync() throws ErrnoException {
        var open = number();
        Syscall.retrying("fdatasync", name, () -> POSIX.fdatasync(open));
    }

    /// Allocates the first `bytes` and makes the file at least that long (fallocate(2), mode 0).
    /// After ENOSPC the file may have kept a part.
    public void allocate(long bytes) throws ErrnoException {
        var open = number();
        Syscall.retrying("fallocate", name, () -> LIBC.fallocate(open, 0, 0, bytes));
    }

    /// fchown(2)
    public void changeOwner(int uid, int gid) throws ErrnoException {
        var open = number();
        Syscall.retrying("fchown", name, () -> POSIX.fchown(open, uid, gid));
    }

    /// fchmod(2)
    public void changeMode(int mode) throws ErrnoException {
        var open = number();
        Syscall.retrying("fchmod", name, () -> POSIX.fchmod(open, mode));
    }

    public void truncate(long bytes) throws ErrnoException {
        var open = number();
        Syscall.retrying("ftruncate", name, () -> POSIX.ftruncate(open, bytes));
    }

    /// Lets the kernel forget what it has read of the file (posix_fadvise(2), POSIX_FADV_DONTNEED);
    /// what was written and not synced stays. SEEK_DATA takes what was merely read for data, where
    /// it lies in allocated blocks that were never written.
    public void dropCache() throws ErrnoException {
        advise(POSIX_FADV_DONTNEED);
    }

    /// Lets later reads through this descriptor fetch what they ask for and nothing ahead
    /// (posix_fadvise(2), POSIX_FADV_RANDOM).
    public void readNothingAhead() throws ErrnoException {
        advise(POSIX_FADV_RANDOM);
    }

    private void advise(int advice) throws ErrnoException {
        var errno = LibC.LIBC.posix_fadvise(number(), 0, 0, advice);
        if (errno != 0) {
            throw new ErrnoException("posix_fadvise", name, errno, "");
        }
    }

    /// The offset of the first byte at or after `from` that is not in a hole (lseek(2), SEEK_DATA);
    /// -1 where there is none up to the end.
    public long seekData(long from) throws ErrnoException {
        var open = number();
        return Syscall.expecting(
                "lseek", name, () -> POSIX.lseekLong(open, from, SEEK_DATA), Errno.ENXIO);
    }

    /// The offset of the first hole at or after `from`, which must lie within the file; its end
    /// counts as one (lseek(2), SEEK_HOLE).
    public long seekHole(long from) throws ErrnoException {
        var open = number();
        return Syscall.retrying("lseek", name, () -> POSIX.lseekLong(open, from, SEEK_HOLE));
    }

    /// The largest size that the file's file system lets the file have, found out by moving an
    /// offset that nothing else here uses: lseek(2) goes no further (EINVAL).
    public long largestBytes() throws ErrnoException {
        var open = number();
        var possible = 0L;
        for (var bit = 1L << 62; bit > 0; bit >>= 1) {
            var tried = possible + bit;
            var result =
                    Syscall.expecting(
                            "lseek",
                            name,
                            () -> POSIX.lseekLong(open, tried, SEEK_SET),
                            Errno.EINVAL,
                            Errno.EOVERFLOW);
            possible = result == tried ? tried : possible;
        }
        return possible;
    }

    /// From where the last read ended (read(2)); 0 at the end. For pipes.
    int read(byte[] buffer) throws ErrnoException {
        var open = number();
        return (int)
                Syscall.retrying(
                        "read", name, () -> POSIX.read(open, buffer, (long) buffer.length));
    }

    /// At once or not at all, as pipes take what is short (write(2), pipe(7)).
    void write(byte[] content) throws ErrnoException {
        var open = number();
        Syscall.retrying("write", name, () -> POSIX.write(open, content, (long) content.length));
    }

    /// Reads at `offset` into what remains of the buffer and moves the buffer's position
    /// (pread(2)). Answers the number of bytes, which may be less than asked for; 0 at the end of
    /// the file.
    public int read(ByteBuffer buffer, long offset) throws ErrnoException {
        var open = number();
        var count =
                (int)
                        Syscall.retrying(
                                "pread",
                                name,
                                () -> POSIX.pread(open, buffer, (long) buffer.remaining(), offset));
        buffer.position(buffer.position() + count);
        return count;
    }

    /// Writes what remains of the buffer at `offset` and moves the buffer's position (pwrite(2)).
    /// Answers the number of bytes, which may be less.
    public int write(ByteBuffer buffer, long offset) throws ErrnoException {
        var open = number();
        var count =
                (int)
                        Syscall.retrying(
                                "pwrite",
                                name,
                                () ->
                                        POSIX.pwrite(
                                                open, buffer, (long) buffer.remaining(), offset));
        buffer.position(buffer.position() + count);
        return count;
    }

    /// The size of a block device (BLKGETSIZE64); ENOTTY for anything else.
    public long blockDeviceBytes() throws ErrnoException {
        var bytes = new byte[Long.BYTES];
        ioctl("BLKGETSIZE64", BLKGETSIZE64, bytes);
        return ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder()).getLong();
    }

    /// Retried after EINTR, which the ioctls of this package answer only before they did anything.
    long ioctl(String request, long code, byte[] argument) throws ErrnoException {
        var open = number();
        return Syscall.retrying(request, name, () -> LIBC.ioctl(open, code, argument));
    }

    long ioctl(String request, long code, long argument) throws ErrnoException {
        var open = number();
        return Syscall.retrying(request, name, () -> LIBC.ioctl(open, code, argument));
    }

    /// False where it fails with this error.
    boolean ioctlSucceeds(String request, long code, long argument, Errno failure)
            throws ErrnoException {
        var open = number();
        return Syscall.expecting(request, name, () -> LIBC.ioctl(open, code, argument), failure)
                != Syscall.FAILED;
    }

    /// Closes the descriptor. Errors of close(2) are not reported: what must be durable was synced
    /// before, and Linux has released the number even when it answers EINTR or EIO.
    @Override
    public void close() {
        var open = number.getAndSet(CLOSED);
        if (open != CLOSED) {
            var _ = POSIX.close(open);
        }
    }

    @Override
    public String toString() {
        return name;
    }
}
