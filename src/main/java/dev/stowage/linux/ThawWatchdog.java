package dev.stowage.linux;

import static dev.stowage.linux.LibC.LIBC;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// A small process that thaws file systems when this one does not come to it: because it died, or
/// because it took too long.
///
/// It is a shell that waits for a word on a pipe whose other end only this process has. The word
/// says that all is thawed already. Without it, when the pipe closes or the time is over, it runs
/// fsfreeze(8) on the folders that it got open, whatever was mounted over their paths meanwhile. It
/// is no child that dies with its parent, and ignores the signals of a terminal. What it does not
/// outlive is the end of its PID namespace: where this process is the first of a container, the
/// kernel ends the watchdog with it.
final class ThawWatchdog implements AutoCloseable {
    private static final String SHELL = "/bin/sh";
    private static final List<String> PROGRAMS =
            List.of(SHELL, "timeout", "head", "fsfreeze", "rm");

    /// A constant: nothing that anybody asked for becomes part of it. $1 is the bound in seconds,
    /// $2 the note, the others are numbers of descriptors. The note goes when all that it names is
    /// thawed: what somebody freezes afterwards is not to be thawed because of it. After the bound
    /// the other side may still be on its way into a freeze, so its end is waited for too.
    private static final String SCRIPT =
            """
            trap '' HUP INT TERM
            bound=$1; note=$2; shift 2
            thaw() {
                all=yes
                for folder; do
                    fsfreeze --unfreeze "/proc/self/fd/$folder" 2>/dev/null || all=no
                done
                [ $all = no ] || rm -f -- "$note"
            }
            echo ready
            [ "$(timeout -s KILL "$bound" head -n 1)" != done ] || exit 0
            thaw "$@"
            [ "$(head -n 1)" != done ] || exit 0
            thaw "$@"
            """;

    private static final byte[] DONE = "done\n".getBytes(StandardCharsets.US_ASCII);

    /// From the word to the end of two small programs.
    private static final Duration ENDING = Duration.ofSeconds(2);

    private static final int WNOHANG = 1;

    private final int pid;
    private final Fd control;

    private ThawWatchdog(int pid, Fd control) {
        this.pid = pid;
        this.control = control;
    }

    /// Watches from now on; when this returns the process is up.
    ///
    /// @param folders any folder of each file system; they may be closed afterwards
    /// @param note is removed when all were thawed here
    /// @throws IOException if it can't be had, and then nothing may be frozen
    static ThawWatchdog over(List<Fd> folders, Duration bound, Path note) throws IOException {
        requirePrograms();
        var input = Pipe.make();
        var output = Pipe.make();
        try (var _ = input.reading();
                var _ = output.writing()) {
            var pid = start(folders, bound, note, input.reading(), output.writing());
            var made = new ThawWatchdog(pid, input.writing());
            output.writing().close();
            made.requireReady(output.reading());
            return made;
        } catch (IOException | RuntimeException e) {
            input.writing().close();
            throw e;
        } finally {
            output.reading().close();
        }
    }

    private static void requirePrograms() throws IOException {
        for (var program : PROGRAMS) {
            if (Command.find(program).isEmpty()) {
                throw new IOException(
                        "%s is not installed, without which nothing may be frozen: install coreutils and util-linux"
                                .formatted(program));
            }
        }
    }

    private static int start(List<Fd> folders, Duration bound, Path note, Fd input, Fd output)
            throws IOException {
        var argv = new ArrayList<>(List.of("sh", "-c", SCRIPT, "stowage-thaw"));
        argv.add(String.valueOf(Math.max(1, bound.toSeconds())));
        argv.add(note.toString());
        try (var errors = Fd.open(Path.of("/dev/null"), OpenFlags.O_WRONLY)) {
            var descriptors = new ArrayList<>(List.of(input, output, errors));
            for (var folder : folders) {
                argv.add(String.valueOf(descriptors.size()));
                descriptors.add(folder);
            }
            return Spawn.start(SHELL, argv, Command.ENVIRONMENT, descriptors);
        }
    }

    private void requireReady(Fd output) throws IOException {
        if (output.read(new byte[1]) != 1) {
            close();
            throw new IOException(
                    "the program that is to thaw did not start, so nothing was frozen: look whether %s runs on this machine"
                            .formatted(SHELL));
        }
    }

    int pid() {
        return pid;
    }

    /// Tells it that there is nothing to thaw any more, and waits for its end.
    @Override
    public void close() {
        try {
            control.write(DONE);
        } catch (ErrnoException e) {
            // it has ended already
        }
        control.close();
        awaitEnd();
    }

    /// Lets it thaw, as if this process had died.
    void abandon() {
        control.close();
        awaitEnd();
    }

    private void awaitEnd() {
        try {
            Patience.until(ENDING, () -> LIBC.waitpid(pid, new int[1], WNOHANG) != 0);
        } catch (ErrnoException e) {
            throw new IllegalStateException("waitpid was not asked to fail", e);
        }
    }
}
