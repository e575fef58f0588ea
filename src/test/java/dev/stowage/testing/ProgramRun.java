package dev.stowage.testing;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/// The program as from a shell: in a process of its own, without this project's tests on its class
/// path. What it says, on both outputs, goes to a file.
public record ProgramRun(Process process, Path output) implements AutoCloseable {
    public static ProgramRun start(Path output, String... arguments) throws IOException {
        return start(List.of(), output, arguments);
    }

    /// @param runner a program that starts the one that its arguments are
    public static ProgramRun start(List<String> runner, Path output, String... arguments)
            throws IOException {
        var command = new ArrayList<>(runner);
        command.addAll(
                List.of(
                        Path.of(System.getProperty("java.home"), "bin/java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "--sun-misc-unsafe-memory-access=allow",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-Djava.io.tmpdir=" + System.getProperty("java.io.tmpdir"),
                        "dev.stowage.Main"));
        command.addAll(List.of(arguments));
        var program =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(output.toFile());
        // As an argument it would be longer than what ProcessHandle shows of a command line, and
        // the driver that the program starts would not get the flags.
        program.environment().put("CLASSPATH", classPath());
        return new ProgramRun(program.start(), output);
    }

    private static String classPath() {
        return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.endsWith("test-classes"))
                .collect(Collectors.joining(File.pathSeparator));
    }

    /// Returns the exit code.
    public int await(Duration limit) throws Exception {
        if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new AssertionError("it did not end within %s:%n%s".formatted(limit, said()));
        }
        return process.exitValue();
    }

    public String said() throws IOException {
        return Files.readString(output);
    }

    /// Ends it, if it has not ended; it clears up after itself.
    @Override
    public void close() {
        process.destroy();
        process.onExit().join();
    }
}
