package dev.stowage.linux;

import java.io.IOException;
import java.util.List;

/// A program that failed, with its own words.
public final class CommandException extends IOException {
    /// The exit code of a program that was killed at its time limit.
    public static final int KILLED = -1;

    private static final long serialVersionUID = 1L;

    private final List<String> argv;
    private final int exitCode;
    private final String stderr;

    public CommandException(List<String> argv, int exitCode, String stderr) {
        super(
                String.join(" ", argv)
                        + (exitCode == KILLED
                                ? " was killed at its time limit"
                                : " exited with " + exitCode)
                        + (stderr.isBlank() ? "" : ": " + stderr.strip()));
        this.argv = List.copyOf(argv);
        this.exitCode = exitCode;
        this.stderr = stderr;
    }

    public List<String> argv() {
        return argv;
    }

    /// As the program gave it; 128 + the signal's number where a signal ended it; [#KILLED] at its
    /// time limit; 127 where there is no such program.
    public int exitCode() {
        return exitCode;
    }

    public String stderr() {
        return stderr;
    }
}
