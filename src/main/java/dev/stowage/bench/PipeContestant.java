package dev.stowage.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.stowage.lab.Stopwatch;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// A program that is started once, reads a volume's name in a line, runs a life, and answers
/// `done`. So its own start is not part of the time.
final class PipeContestant implements Contestant {
    private static final String DONE = "done";
    private static final long ENDING_SECONDS = 5;

    private final String name;
    private final Process process;
    private final Path complaints;
    private final Writer names;
    private final BufferedReader answers;

    /// @param complaints where the program's error output is kept
    PipeContestant(String name, List<String> argv, Path complaints) throws IOException {
        this.name = name;
        this.complaints = complaints;
        var builder = new ProcessBuilder(argv);
        var _ = builder.redirectError(ProcessBuilder.Redirect.to(complaints.toFile()));
        this.process = builder.start();
        this.names = process.outputWriter(UTF_8);
        this.answers = process.inputReader(UTF_8);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public void live(String volume, Stopwatch watch) throws IOException {
        var started = System.nanoTime();
        names.write(volume + "\n");
        names.flush();
        var answer = answers.readLine();
        watch.add(name, System.nanoTime() - started);
        if (!DONE.equals(answer)) {
            throw new IOException(
                    "%s failed: %s".formatted(name, Files.readString(complaints).strip()));
        }
    }

    /// The end of its input tells the program to end.
    @Override
    public void close() throws IOException {
        try {
            names.close();
            if (process.waitFor(ENDING_SECONDS, TimeUnit.SECONDS)) {
                return;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        process.destroyForcibly();
    }
}
