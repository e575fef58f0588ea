package dev.stowage.linux;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/// Runs a program: an argument list, never a shell; the environment is PATH and LC_ALL=C alone;
/// stdin is a pipe in which nothing ever comes, so a program that asks something waits until its
/// time limit.
///
/// The program dies with this process, however that dies, see [DeathPact]. Two limits: a program's
/// own children do not, so mkfs.X and fsck.X are called by their own names and not through a
/// wrapper; and a kill within the instant between the program's start and the pact leaves it
/// running, which is what [Processes#holding(Path)] is for.
public final class Command {
    private static final int OUTPUT_BYTES = 1 << 20;
    private static final int ERROR_BYTES = 64 << 10;

    /// Where Debian has mkfs and fsck, which a user's PATH may lack.
    private static final String PATH =
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private static final int NOT_FOUND = 127;

    /// What a killed program's pipes may take to close: they do so at once unless a child of it has
    /// them too.
    private static final Duration PIPES = Duration.ofSeconds(5);

    private Command() {}

    /// @param stdout the first MiB
    /// @param stderr the first 64 KiB
    public record Output(int exitCode, String stdout, String stderr) {}

    /// Throws [CommandException] for every exit code but 0.
    public static Output run(List<String> argv, Duration limit) throws IOException {
        return run(argv, limit, Set.of(0));
    }

    /// Throws [CommandException] for every exit code that is not accepted; also where the program
    /// is missing (127), and where it was killed because it ran longer than `limit`
    /// ([CommandException#KILLED]). When this returns or throws, the program is no longer running.
    public static Output run(List<String> argv, Duration limit, Set<Integer> accepted)
            throws IOException {
        var process = start(argv);
        try (var output = Drain.of(process.getInputStream(), OUTPUT_BYTES);
                var errors = Drain.of(process.getErrorStream(), ERROR_BYTES)) {
            var inTime = process.waitFor(limit.toNanos(), TimeUnit.NANOSECONDS);
            if (!inTime) {
                kill(process);
                throw new CommandException(argv, CommandException.KILLED, errors.text());
            }
            var exitCode = process.exitValue();
            if (!accepted.contains(exitCode)) {
                throw new CommandException(argv, exitCode, errors.text());
            }
            return new Output(exitCode, output.text(), errors.text());
        } catch (InterruptedException e) {
            kill(process);
            Thread.currentThread().interrupt();
            throw (IOException)
                    new InterruptedIOException("Interrupted while running " + argv.getFirst())
                            .initCause(e);
        }
    }

    /// Where the program is, as [#run] would find it.
    public static Optional<Path> find(String program) {
        if (program.indexOf('/') >= 0) {
            return Optional.of(Path.of(program)).filter(Files::isExecutable);
        }
        for (var folder : PATH.split(":")) {
            var file = new File(folder, program);
            if (file.canExecute() && file.isFile()) {
                return Optional.of(file.toPath());
            }
        }
        return Optional.empty();
    }

    private static Process start(List<String> argv) throws IOException {
        var command = new ArrayList<>(argv);
        command.set(0, require(argv.getFirst(), argv));
        var builder = new ProcessBuilder(command);
        builder.environment().clear();
        builder.environment().put("PATH", PATH);
        builder.environment().put("LC_ALL", "C");
        DeathPact.prepare();
        var process = builder.start();
        try {
            DeathPact.with(process);
            return process;
        } catch (IOException e) {
            kill(process);
            throw e;
        }
    }

    private static String require(String program, List<String> argv) throws CommandException {
        return find(program)
                .map(Path::toString)
                .orElseThrow(
                        () -> new CommandException(argv, NOT_FOUND, program + " is not installed"));
    }

    private static void kill(Process process) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        process.onExit()
                .orTimeout(PIPES.toMillis(), TimeUnit.MILLISECONDS)
                .exceptionally(_ -> process)
                .join();
    }

    /// Reads a pipe to its end, so that the program never waits for us, and keeps the beginning.
    private static final class Drain implements AutoCloseable {
        private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
        private final InputStream pipe;
        private final int limit;
        private final Thread reader;

        private Drain(InputStream pipe, int limit) {
            this.pipe = pipe;
            this.limit = limit;
            this.reader = Thread.ofPlatform().daemon().name("command-output").unstarted(this::read);
        }

        static Drain of(InputStream pipe, int limit) {
            var drain = new Drain(pipe, limit);
            drain.reader.start();
            return drain;
        }

        private void read() {
            var buffer = new byte[8192];
            try {
                for (var count = pipe.read(buffer); count >= 0; count = pipe.read(buffer)) {
                    kept.write(buffer, 0, Math.min(count, limit - kept.size()));
                }
            } catch (IOException e) {
                // closed under us: the text ends here
                return;
            }
        }

        String text() throws InterruptedException {
            reader.join(PIPES);
            return kept.toString(StandardCharsets.UTF_8);
        }

        /// Also ends a reader whose pipe a child of the program still has open.
        @Override
        public void close() {
            try {
                pipe.close();
            } catch (IOException e) {
                // nothing was written to it
                return;
            }
        }
    }
}
