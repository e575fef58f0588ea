package dev.stowage.linux;

import static dev.stowage.linux.LibC.LIBC;
import static dev.stowage.linux.Syscall.POSIX;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/// System calls that take a path, and what the kernel says of itself.
public final class Linux {
    // linux/fs.h
    private static final long FICLONE = 0x40049409L;
    private static final long FIFREEZE = 0xc0045877L;
    private static final long FITHAW = 0xc0045878L;
    private static final int RENAME_NOREPLACE = 1;

    private Linux() {}

    /// Follows symlinks.
    public static Stat stat(Path path) throws ErrnoException {
        return Stat.read(SystemCalls.AT_FDCWD, Syscall.cString(path), 0, path);
    }

    /// Does not follow a symlink at the end of the path.
    public static Stat lstat(Path path) throws ErrnoException {
        return Stat.read(
                SystemCalls.AT_FDCWD, Syscall.cString(path), SystemCalls.AT_SYMLINK_NOFOLLOW, path);
    }

    /// Empty only where the kernel answers ENOENT or ENOTDIR; every other error is an error, never
    /// "absent".
    public static Optional<Stat> statIfExists(Path path) throws ErrnoException {
        return ifExists(path, 0);
    }

    /// As [#statIfExists(Path)], not following a symlink at the end of the path.
    public static Optional<Stat> lstatIfExists(Path path) throws ErrnoException {
        return ifExists(path, SystemCalls.AT_SYMLINK_NOFOLLOW);
    }

    private static Optional<Stat> ifExists(Path path, int flags) throws ErrnoException {
        return Stat.find(SystemCalls.AT_FDCWD, Syscall.cString(path), flags, path);
    }

    public static void fsync(Path file) throws ErrnoException {
        try (var fd = Fd.open(file, OpenFlags.O_RDONLY)) {
            fd.fsync();
        }
    }

    /// Makes the names in a folder durable.
    public static void fsyncFolder(Path folder) throws ErrnoException {
        try (var fd = Fd.open(folder, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY)) {
            fd.fsync();
        }
    }

    /// Renames atomically, and only if nothing has the new name yet, not even an empty folder:
    /// EEXIST (renameat2(2), RENAME_NOREPLACE).
    public static void renameNoReplace(Path from, Path to) throws ErrnoException {
        var old = Syscall.cString(from);
        var made = Syscall.cString(to);
        Syscall.retrying(
                "renameat2",
                from + " to " + to,
                () ->
                        LIBC.syscall(
                                SystemCalls.RENAMEAT2,
                                SystemCalls.AT_FDCWD,
                                old,
                                SystemCalls.AT_FDCWD,
                                made,
                                RENAME_NOREPLACE));
    }

    /// link(2): EEXIST where the second name is taken, so of two that race one wins.
    public static void link(Path existing, Path made) throws ErrnoException {
        var old = Syscall.cString(existing);
        var name = Syscall.cString(made);
        Syscall.retrying("link", existing + " as " + made, () -> LIBC.link(old, name));
    }

    public static Usage statfs(Path path) throws ErrnoException {
        return Usage.read(path);
    }

    /// Writes out everything that the file system of this path has in memory.
    public static void syncfs(Path path) throws ErrnoException {
        try (var fd = Fd.open(path, OpenFlags.O_RDONLY)) {
            syncfs(fd);
        }
    }

    /// As [#syncfs(Path)]; what could not be written is an error.
    public static void syncfs(Fd fd) throws ErrnoException {
        Syscall.retrying("syncfs", fd, () -> LIBC.syncfs(fd.number()));
    }

    /// Stops all writes to the file system that is mounted here until [#thaw(Path)] (FIFREEZE).
    /// EBUSY where it is frozen already. A file system that is unmounted frozen stays alive and
    /// keeps its device.
    public static void freeze(Path mountPoint) throws ErrnoException {
        try (var fd = Fd.open(mountPoint, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY)) {
            freezeOpened(fd);
        }
    }

    static void freezeOpened(Fd root) throws ErrnoException {
        root.ioctl("FIFREEZE", FIFREEZE, 0L);
    }

    /// False where the file system was not frozen.
    public static boolean thaw(Path mountPoint) throws ErrnoException {
        try (var fd = Fd.open(mountPoint, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY)) {
            return thawOpened(fd);
        }
    }

    /// As [#thaw(Path)], for a descriptor of the file system's root. fsmount(2) answers an O_PATH
    /// descriptor, which takes no ioctl, so the folder is opened anew through it.
    public static boolean thaw(Fd root) throws ErrnoException {
        try (var folder = root.openAt(".", OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, 0)) {
            return thawOpened(folder);
        }
    }

    static boolean thawOpened(Fd root) throws ErrnoException {
        return root.ioctlSucceeds("FITHAW", FITHAW, 0L, Errno.EINVAL);
    }

    /// Makes `to` share all blocks of `from` (FICLONE). EOPNOTSUPP or EINVAL where the file system
    /// cannot, EXDEV where the two are on different ones.
    public static void cloneFile(Fd from, Fd to) throws ErrnoException {
        to.ioctl("FICLONE", FICLONE, (long) from.number());
    }

    /// Another one after each boot.
    public static String bootId() throws IOException {
        return Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
    }

    public static KernelVersion kernel() throws IOException {
        return KernelVersion.parse(Files.readString(Path.of("/proc/sys/kernel/osrelease")));
    }

    public static boolean isRoot() {
        return effectiveUser() == 0;
    }

    /// As whom this process opens and makes files (geteuid(2)).
    public static int effectiveUser() {
        return POSIX.geteuid();
    }

    /// Takes these permissions from every file that this process makes from now on (umask(2)), and
    /// no others, whatever it was started with.
    public static void setUmask(int mask) {
        var _ = LIBC.umask(mask);
    }

    /// Whether this process may grow a mounted ext4 (EXT4_IOC_RESIZE_FS wants CAP_SYS_RESOURCE).
    public static boolean hasCapSysResource() throws IOException {
        return Capabilities.own().has(Capabilities.SYS_RESOURCE);
    }
}
