package dev.stowage.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// strace(1) at a process, which writes down system calls and injects faults into them.
public record Strace(long pid, Process process, Path calls) implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /// @param folder for what it writes
    /// @param trace the system calls
    /// @param inject an option of strace
    public static Strace of(long pid, Path folder, String trace, String inject) throws Exception {
        var log = folder.resolve("strace.log");
        var calls = folder.resolve("strace.out");
        var process =
                new ProcessBuilder(
                                "strace",
                                "-f",
                                "-o",
                                calls.toString(),
                                "-e",
                                "trace=" + trace,
                                inject,
                                "-p",
                                String.valueOf(pid))
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start();
        var strace = new Strace(pid, process, calls);
        try {
            Polling.await(
                    "strace is attached",
                    PATIENCE,
                    () -> Files.readString(log).contains("attached"));
            return strace;
        } catch (Exception | AssertionError e) {
            strace.close();
            throw e;
        }
    }

    /// What it has written down so far, a line for each call.
    public Stream<String> seen() throws IOException {
        return Files.readString(calls).lines();
    }

    /// Where the process has ended, strace does so by itself when its children have. Told to end
    /// while one of them is about to start another, it may hang for ever.
    @Override
    public void close() throws InterruptedException {
        if (ProcessHandle.of(pid).isPresent()) {
            process.destroy();
        }
        if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor();
        }
    }
}
