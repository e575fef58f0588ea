package dev.stowage.linux;

import static dev.stowage.linux.LibC.LIBC;

/// Lets the kernel kill a program when this process dies, however that happens.
///
/// The program's stdin is a pipe whose other end only this process holds. When it dies the kernel
/// closes that end, and tells so to whom the reading end belongs, by the signal that was asked for:
/// signal-driven I/O, with SIGKILL for the signal (fcntl(2), F_SETOWN and F_SETSIG). prctl(2) with
/// PR_SET_PDEATHSIG would need one more program in between, setpriv(1), whose start alone costs 1.3
/// ms beside mkfs.ext4's 3.6, and its signal comes already when a *thread* of ours ends.
final class DeathPact {
    // asm-generic/fcntl.h, asm-generic/signal.h; the same on x86-64 and arm64
    private static final int F_GETFL = 3;
    private static final int F_SETFL = 4;
    private static final int F_SETOWN = 8;
    private static final int F_SETSIG = 10;
    private static final int O_ASYNC = 020000;
    private static final int SIGKILL = 9;

    private DeathPact() {}

    /// Before the program starts: which signal. What is asked for here belongs to the open file,
    /// which the program shares once it has it as its stdin.
    static void prepare(Fd readingEnd) throws ErrnoException {
        fcntl(readingEnd, F_SETSIG, SIGKILL);
    }

    /// Right after its start: from here on it dies with this process. The pipe must be neither
    /// written nor closed while the program runs. The flag comes last, so who sees it knows that
    /// the pact is made.
    static void with(Fd readingEnd, int pid) throws ErrnoException {
        fcntl(readingEnd, F_SETOWN, pid);
        fcntl(readingEnd, F_SETFL, fcntl(readingEnd, F_GETFL, 0) | O_ASYNC);
    }

    private static long fcntl(Fd fd, int command, long argument) throws ErrnoException {
        return Syscall.once("fcntl", fd, LIBC.fcntl(fd.number(), command, argument));
    }
}
