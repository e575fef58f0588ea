package dev.stowage.linux;

import static dev.stowage.linux.LibC.LIBC;

import java.io.IOException;

/// Lets the kernel kill a program when this process dies, however that happens.
///
/// The program's stdin is a pipe whose other end only this process holds. When it dies the kernel
/// closes that end, and tells so to whom the reading end belongs, by the signal that was asked for:
/// signal-driven I/O, with SIGKILL for the signal (fcntl(2), F_SETOWN and F_SETSIG). That is asked
/// of the kernel from here, on the program's own open file, got by pidfd_getfd(2). prctl(2) with
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
    private static final int STDIN = 0;

    private DeathPact() {}

    /// To be called before the program is started: loads the native bridge, which takes a few
    /// hundred milliseconds the first time, in which the program would run without the pact.
    static void prepare() throws ErrnoException {
        var pid = ProcessHandle.current().pid();
        duplicate("pidfd_open", pid, LIBC.syscall(SystemCalls.PIDFD_OPEN, pid, 0, 0)).close();
    }

    /// For a program whose stdin is a pipe of ours; that pipe must be neither written nor closed
    /// while it runs. Does nothing where the program has ended already.
    static void with(Process program) throws IOException {
        var pid = program.pid();
        try (var process =
                        duplicate(
                                "pidfd_open",
                                pid,
                                LIBC.syscall(SystemCalls.PIDFD_OPEN, pid, 0, 0));
                var stdin =
                        duplicate(
                                "pidfd_getfd",
                                pid,
                                LIBC.syscall(
                                        SystemCalls.PIDFD_GETFD, process.number(), STDIN, 0))) {
            if (!program.isAlive()) {
                return; // the pid may be another's by now
            }
            fcntl(stdin, F_SETSIG, SIGKILL);
            fcntl(stdin, F_SETOWN, pid);
            fcntl(stdin, F_SETFL, fcntl(stdin, F_GETFL, 0) | O_ASYNC);
        } catch (ErrnoException e) {
            // A program that has ended keeps its pid, but no descriptors, until it is waited for.
            if (!e.is(Errno.ESRCH, Errno.EBADF)) {
                throw e;
            }
        }
    }

    private static Fd duplicate(String call, long pid, long result) throws ErrnoException {
        return Fd.of(Syscall.once(call, pid, result), "process " + pid);
    }

    private static long fcntl(Fd fd, int command, long argument) throws ErrnoException {
        return Syscall.once("fcntl", fd, LIBC.fcntl(fd.number(), command, argument));
    }
}
