package dev.stowage.linux;

/// Numbers of system calls, for those that are made through syscall(2).
/// Sources: arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h (arm64).
/// From 424 on, all architectures share one numbering.
final class SystemCalls {
    static final boolean ARM64 = arm64(System.getProperty("os.arch", ""));

    static final long STATX = ARM64 ? 291 : 332;
    static final long RENAMEAT2 = ARM64 ? 276 : 316;
    static final long MKNODAT = ARM64 ? 33 : 259;
    static final long OPEN_TREE = 428;
    static final long MOVE_MOUNT = 429;
    static final long FSOPEN = 430;
    static final long FSCONFIG = 431;
    static final long FSMOUNT = 432;
    static final long FSPICK = 433;
    static final long PIDFD_OPEN = 434;
    static final long CLOSE_RANGE = 436;
    static final long MOUNT_SETATTR = 442;

    /// linux/fcntl.h: relative paths start at the working directory; where the path is empty, the
    /// descriptor itself.
    static final int AT_FDCWD = -100;

    static final int AT_SYMLINK_NOFOLLOW = 0x100;
    static final int AT_REMOVEDIR = 0x200;
    static final int AT_NO_AUTOMOUNT = 0x800;
    static final int AT_EMPTY_PATH = 0x1000;
    static final int AT_STATX_FORCE_SYNC = 0x2000;

    private SystemCalls() {}

    private static boolean arm64(String architecture) {
        return switch (architecture) {
            case "amd64", "x86_64" -> false;
            case "aarch64" -> true;
            default ->
                    throw new UnsupportedOperationException(
                            "Stowage runs on x86-64 and arm64, not on " + architecture + ".");
        };
    }
}
