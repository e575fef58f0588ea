package dev.stowage.bench;

import dev.stowage.lab.Narration;
import dev.stowage.lab.Stopwatch;
import dev.stowage.lab.Workplace;
import dev.stowage.linux.Linux;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/// What the benchmark prints.
///
/// @param compared whether the C program took part
record BenchReport(Narration narration, boolean compared) {
    /// The goals of the median, one volume at a time.
    private static final double SHELL_GOAL = 0.6;

    private static final double PROGRAM_GOAL = 1.3;
    private static final double MEDIAN = 0.50;
    private static final double TAIL = 0.99;

    void head(Workplace place, BenchRun.Rounds rounds) throws IOException {
        narration.title("A volume's life: 1 GiB, thick, ext4");
        narration.say(
                "Linux %s, %d CPUs, %s in %s (%s)"
                        .formatted(
                                Linux.kernel(),
                                Runtime.getRuntime().availableProcessors(),
                                "pool",
                                place.folder(),
                                Files.getFileStore(place.folder()).type()));
        narration.say(
                "%d lives of each kind after %d to warm up; times in ms"
                        .formatted(rounds.measured(), rounds.warmUp()));
        if (!compared) {
            narration.say("no C compiler (cc) here, so the C program is left out");
        }
        narration.say("");
    }

    void table(Stopwatch alone, Stopwatch together) {
        narration.title(
                "%-28s%20s%20s".formatted("", "one at a time", BenchRun.LANES + " at a time"));
        narration.say("%-28s%10s%10s%10s%10s".formatted("", "p50", "p99", "p50", "p99"));
        for (var step : alone.steps()) {
            if (!isWhole(step)) {
                row(step, step, alone, together);
            }
        }
        row("the whole life, " + DriverContestant.NAME, DriverContestant.NAME, alone, together);
        row("in a shell", BenchPrograms.SHELL, alone, together);
        row("in a C program", BenchPrograms.PROGRAM, alone, together);
        narration.say("");
        ratio(BenchPrograms.SHELL, SHELL_GOAL, alone, together);
        ratio(BenchPrograms.PROGRAM, PROGRAM_GOAL, alone, together);
        narration.say("");
    }

    private static boolean isWhole(String step) {
        return step.equals(DriverContestant.NAME)
                || step.equals(BenchPrograms.SHELL)
                || step.equals(BenchPrograms.PROGRAM);
    }

    private void row(String name, String step, Stopwatch alone, Stopwatch together) {
        if (alone.knows(step)) {
            narration.say(
                    String.format(
                            Locale.ROOT,
                            "%-28s%10.2f%10.2f%10.2f%10.2f",
                            name,
                            alone.millis(step, MEDIAN),
                            alone.millis(step, TAIL),
                            together.millis(step, MEDIAN),
                            together.millis(step, TAIL)));
        }
    }

    private void ratio(String other, double goal, Stopwatch alone, Stopwatch together) {
        if (!alone.knows(other)) {
            return;
        }
        var ratio = ratio(other, alone);
        var line =
                String.format(
                        Locale.ROOT,
                        "Stowage / %-9s p50 one at a time %.2f (goal: at most %.1f), %d at a time %.2f",
                        other,
                        ratio,
                        goal,
                        BenchRun.LANES,
                        ratio(other, together));
        if (ratio <= goal) {
            narration.good(line);
        } else {
            narration.bad(line);
        }
    }

    private static double ratio(String other, Stopwatch watch) {
        return watch.millis(DriverContestant.NAME, MEDIAN) / watch.millis(other, MEDIAN);
    }

    void steps(List<String> steps) {
        narration.title("The durable steps, which the C program makes too");
        steps.forEach(step -> narration.say("  " + step));
        narration.say("");
    }

    void started(Duration median, int starts) {
        narration.say(
                "start to first answered call: %d ms (median of %d)"
                        .formatted(median.toMillis(), starts));
    }

    void memory(String when, long bytes) {
        narration.say(
                String.format(
                        Locale.ROOT,
                        "resident memory %s: %.1f MiB",
                        when,
                        bytes / (1024.0 * 1024)));
    }
}
