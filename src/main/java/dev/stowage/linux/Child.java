package dev.stowage.linux;

import static dev.stowage.linux.LibC.LIBC;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/// A program that was started by posix_spawn(3): a third of the time that Java's own way takes,
/// which starts a second program for it. Its stdin is a pipe that stays silent, its stdout and
/// stderr are pipes to be read here, and it has no other descriptor.
///
/// It must be waited for with [#end(Duration)].
final class Child {
    // bits/waitflags.h, bits/waitstatus.h
    private static final int SIGNAL_MASK = 0x7f;
    private static final int SIGNALLED = 128;
    private static final int SIGKILL = 9;
    private static final int WNOHANG = 1;

    private final int pid;
    private final Fd handle;
    private final Fd stdin;
    private final Fd stdout;
    private final Fd stderr;

    private Child(int pid, Fd handle, Fd stdin, Fd stdout, Fd stderr) {
        this.pid = pid;
        this.handle = handle;
        this.stdin = stdin;
        this.stdout = stdout;
        this.stderr = stderr;
    }

    /// @param program its path; `argv` begins with its name
    static Child start(String program, List<String> argv, List<String> environment)
            throws ErrnoException {
        var open = new ArrayList<Fd>();
        try {
            var stdin = pipe(open);
            var stdout = pipe(open);
            var stderr = pipe(open);
            DeathPact.prepare(stdin.reading());
            var pid =
                    Spawn.start(
                            program,
                            argv,
                            environment,
                            List.of(stdin.reading(), stdout.writing(), stderr.writing()));
            var handle = bound(pid, stdin.reading());
            stdin.reading().close();
            stdout.writing().close();
            stderr.writing().close();
            return new Child(pid, handle, stdin.writing(), stdout.reading(), stderr.reading());
        } catch (ErrnoException | RuntimeException e) {
            open.forEach(Fd::close);
            throw e;
        }
    }

    /// Binds the program's life to ours and answers its handle; where that fails it ends at once.
    private static Fd bound(int pid, Fd stdin) throws ErrnoException {
        try {
            DeathPact.with(stdin, pid);
            return handle(pid);
        } catch (ErrnoException e) {
            LIBC.kill(pid, SIGKILL);
            exitCode(pid);
            throw e;
        }
    }

    /// Readable when the program has ended (pidfd_open(2)). It is our child and not waited for yet,
    /// so the number is its own.
    static Fd handle(int pid) throws ErrnoException {
        var result = LIBC.syscall(SystemCalls.PIDFD_OPEN, pid, 0, 0);
        return Fd.of(Syscall.once("pidfd_open", pid, result), "process " + pid);
    }

    private static Pipe pipe(List<Fd> open) throws ErrnoException {
        var pipe = Pipe.make();
        open.add(pipe.reading());
        open.add(pipe.writing());
        return pipe;
    }

    int pid() {
        return pid;
    }

    /// Readable when the program has ended.
    Fd handle() {
        return handle;
    }

    Fd stdout() {
        return stdout;
    }

    Fd stderr() {
        return stderr;
    }

    /// Ends the program and what it has started, without waiting.
    void kill() {
        ProcessHandle.of(pid).stream()
                .flatMap(ProcessHandle::descendants)
                .forEach(ProcessHandle::destroyForcibly);
        LIBC.kill(pid, SIGKILL);
    }

    /// Whether it waits in the kernel for something that no signal interrupts (state D of
    /// proc_pid_stat(5)).
    boolean uninterruptible() {
        try {
            var stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            return stat.startsWith("D", stat.lastIndexOf(')') + 2);
        } catch (IOException e) {
            return false; // it has ended
        }
    }

    /// Waits for the end: the exit code, or 128 and the number of the signal that ended it. Empty
    /// if it does not come within `patience`: a program that hangs in the kernel outlives even a
    /// SIGKILL for as long. A thread then waits for it, so that no zombie remains.
    OptionalInt end(Duration patience) throws ErrnoException {
        var status = new int[1];
        if (Patience.until(patience, () -> hasEnded(status))) {
            close();
            return OptionalInt.of(exitCodeOf(status[0]));
        }
        Thread.ofPlatform().daemon().name("wait-" + pid).start(this::awaitEnd);
        return OptionalInt.empty();
    }

    private boolean hasEnded(int[] status) throws ErrnoException {
        return Syscall.retrying("waitpid", pid, () -> LIBC.waitpid(pid, status, WNOHANG)) != 0;
    }

    private void awaitEnd() {
        try {
            exitCode(pid);
        } catch (ErrnoException e) {
            throw new IllegalStateException("the process is our child", e);
        } finally {
            close();
        }
    }

    static int exitCode(int pid) throws ErrnoException {
        var status = new int[1];
        Syscall.retrying("waitpid", pid, () -> LIBC.waitpid(pid, status, 0));
        return exitCodeOf(status[0]);
    }

    private static int exitCodeOf(int status) {
        var signal = status & SIGNAL_MASK;
        return signal == 0 ? (status >> 8) & 0xff : SIGNALLED + signal;
    }

    private void close() {
        handle.close();
        stdin.close();
        stdout.close();
        stderr.close();
    }
}
