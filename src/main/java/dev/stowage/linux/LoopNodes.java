package dev.stowage.linux;

import java.nio.file.Path;

/// The device files `loopN` in a folder, /dev but for tests. In a container whose /dev is not the
/// kernel's own devtmpfs a loop device can exist without its file.
record LoopNodes(Path folder) {
    /// LOOP_MAJOR, linux/major.h
    static final int LOOP_MAJOR = 7;

    private static final int MODE = Stat.S_IFBLK | 0600;

    Path path(int number) {
        return folder.resolve("loop" + number);
    }

    /// Opens the device, making its file (7:N, mode 0600) where there is none. ENXIO where the file
    /// is of some other device, or the kernel has no such loop device.
    Fd open(int number, int flags) throws ErrnoException {
        var path = path(number);
        Fd device;
        try {
            device = Fd.open(path, flags | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK);
        } catch (ErrnoException e) {
            if (!e.is(Errno.ENOENT)) {
                throw e;
            }
            make(number, path);
            device = Fd.open(path, flags | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK);
        }
        try {
            var stat = device.stat();
            if (!stat.isBlockDevice() || stat.rdev() != Stat.deviceNumber(LOOP_MAJOR, number)) {
                throw new ErrnoException(
                        "openat", path + ", which is not loop device " + number, Errno.ENXIO);
            }
            return device;
        } catch (ErrnoException e) {
            device.close();
            throw e;
        }
    }

    private static void make(int number, Path path) throws ErrnoException {
        var name = Syscall.cString(path);
        try {
            Syscall.retrying(
                    "mknodat",
                    path,
                    () ->
                            LibC.LIBC.syscall(
                                    SystemCalls.MKNODAT,
                                    SystemCalls.AT_FDCWD,
                                    name,
                                    MODE,
                                    Stat.deviceNumber(LOOP_MAJOR, number)));
        } catch (ErrnoException e) {
            if (!e.is(Errno.EEXIST)) { // another thread was quicker
                throw e;
            }
        }
    }
}
