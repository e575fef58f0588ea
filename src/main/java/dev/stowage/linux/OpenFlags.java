package dev.stowage.linux;

/// Flags of open(2). Sources: asm-generic/fcntl.h and arch/arm64/include/uapi/asm/fcntl.h, which
/// gives O_DIRECTORY, O_NOFOLLOW and O_DIRECT other values.
public final class OpenFlags {
    public static final int O_RDONLY = 0;
    public static final int O_WRONLY = 1;
    public static final int O_RDWR = 2;
    public static final int O_CREAT = 0100;
    public static final int O_EXCL = 0200;
    public static final int O_TRUNC = 01000;
    public static final int O_NONBLOCK = 04000;
    public static final int O_DIRECT = SystemCalls.ARM64 ? 0200000 : 040000;
    public static final int O_DIRECTORY = SystemCalls.ARM64 ? 040000 : 0200000;
    public static final int O_NOFOLLOW = SystemCalls.ARM64 ? 0100000 : 0400000;
    public static final int O_PATH = 010000000;

    /// Added to every open by [Fd]; a program that we start inherits nothing.
    public static final int O_CLOEXEC = 02000000;

    private OpenFlags() {}
}
