package dev.stowage.linux;

import java.io.File;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

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

    /// From SIGKILL to the end.
    private static final Duration DYING = Duration.ofSeconds(2);

    static final List<String> ENVIRONMENT = List.of("PATH=" + PATH, "LC_ALL=C");

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
    /// ([CommandException#KILLED]). When this returns or throws, the program is no longer running,
    /// unless it hangs in the kernel, which keeps it alive for as long after its SIGKILL.
    public static Output run(List<String> argv, Duration limit, Set<Integer> accepted)
            throws IOException {
        return run(argv, limit, accepted, () -> false);
    }

    /// What makes a program hang, asked when it waits in the kernel for longer than usual.
    public interface Hang {
        boolean isCertain() throws IOException;
    }

    /// As [#run(List, Duration, Set)], and gives the program up ([CommandException#HUNG]) when what
    /// it works on certainly makes it hang.
    public static Output run(List<String> argv, Duration limit, Set<Integer> accepted, Hang hang)
            throws IOException {
        var program = find(argv.getFirst());
        if (program.isEmpty()) {
            throw new CommandException(argv, NOT_FOUND, "", argv.getFirst() + " is not installed");
        }
        var output = new ChildOutput(OUTPUT_BYTES);
        var errors = new ChildOutput(ERROR_BYTES);
        var child = Child.start(program.get().toString(), argv, ENVIRONMENT);
        var outcome = ChildWait.Outcome.INTERRUPTED;
        OptionalInt exitCode;
        try {
            outcome = new ChildWait(child, hang, output, errors).until(limit);
        } finally {
            if (outcome == ChildWait.Outcome.INTERRUPTED) {
                child.kill();
            }
            exitCode = child.end(DYING);
        }
        return switch (outcome) {
            case ENDED ->
                    result(
                            argv,
                            accepted,
                            new Output(exitCode.orElseThrow(), output.text(), errors.text()));
            case TIMED_OUT ->
                    throw new CommandException(
                            argv, CommandException.KILLED, output.text(), errors.text());
            case HUNG ->
                    throw new CommandException(
                            argv, CommandException.HUNG, output.text(), errors.text());
            case INTERRUPTED ->
                    throw new InterruptedIOException(
                            "Interrupted while running " + argv.getFirst());
        };
    }

    private static Output result(List<String> argv, Set<Integer> accepted, Output output)
            throws CommandException {
        if (!accepted.contains(output.exitCode())) {
            throw new CommandException(argv, output.exitCode(), output.stdout(), output.stderr());
        }
        return output;
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
}
