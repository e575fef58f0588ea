package dev.stowage.linux;

import java.io.IOException;
import java.util.List;

/// A program that failed, with its own words.
public final class CommandException extends IOException {
    /// The exit code of a program that was killed at its time limit.
    public static final int KILLED = -1;

    /// The exit code of a program that was given up because what it works on makes it hang.
    public static final int HUNG = -2;

    private static final int STDOUT_CHARACTERS = 2000;

    private static final long serialVersionUID = 1L;

    private final List<String> argv;
    private final int exitCode;
    private final String stdout;
    private final String stderr;

    public CommandException(List<String> argv, int exitCode, String stdout, String stderr) {
        super(String.join(" ", argv) + end(exitCode) + prefixed(words(stdout, stderr)));
        this.argv = List.copyOf(argv);
        this.exitCode = exitCode;
        this.stdout = stdout;
        this.stderr = stderr;
    }

    private static String end(int exitCode) {
        return switch (exitCode) {
            case KILLED -> " was killed at its time limit";
            case HUNG -> " hung and was killed";
            default -> " exited with " + exitCode;
        };
    }

    private static String prefixed(String words) {
        return words.isEmpty() ? "" : ": " + words;
    }

    /// Some say on stdout what is wrong (mke2fs of a 64-bit ext4 without extents). Of a long output
    /// the end, where programs give up.
    private static String words(String stdout, String stderr) {
        var end = stdout.substring(Math.max(0, stdout.length() - STDOUT_CHARACTERS));
        return (stderr.strip() + "\n" + end.strip()).strip();
    }

    public List<String> argv() {
        return argv;
    }

    /// As the program gave it; 128 + the signal's number where a signal ended it; [#KILLED] at its
    /// time limit; [#HUNG]; 127 where there is no such program.
    public int exitCode() {
        return exitCode;
    }

    /// All that it said, stderr first.
    public String words() {
        return words(stdout, stderr);
    }

    public String stdout() {
        return stdout;
    }

    public String stderr() {
        return stderr;
    }
}
