package dev.stowage.bench;

import dev.stowage.cli.Interruption;
import dev.stowage.lab.Narration;
import dev.stowage.lab.Workplace;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `stowage bench`: what a volume's life costs here.
@Command(
        name = "bench",
        description = {
            "Measure a volume's life on this machine: 1 GiB, thick, ext4, in use and back to nothing.",
            "Beside the driver, in turns with it: the same in a shell, and in a C program that makes",
            "the same durable steps. Leaves nothing behind."
        },
        mixinStandardHelpOptions = true)
public final class Bench implements Callable<Integer> {
    @Spec private @Nullable CommandSpec spec;

    @Option(
            names = "--rounds",
            defaultValue = "200",
            paramLabel = "N",
            description =
                    "Lives (or snapshots) of each kind that are measured (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Option(
            names = "--warm-up",
            defaultValue = "100",
            paramLabel = "N",
            description =
                    "Lives (or snapshots) that go before and don't count (default: ${DEFAULT-VALUE}).")
    private int warmUp;

    @Option(
            names = "--pool-dir",
            paramLabel = "DIR",
            description = "Where to make the temporary folder (default: /var/lib or /var/tmp).")
    private @Nullable Path poolDir;

    @Option(
            names = "--snapshots",
            description = "Measure snapshots of volumes of 1, 10 and 100 GiB on XFS instead.")
    private boolean snapshots;

    @Override
    public Integer call() throws IOException {
        var commandLine = Objects.requireNonNull(spec).commandLine();
        if (rounds < 1 || warmUp < 0) {
            throw new ParameterException(commandLine, "--rounds and --warm-up must be positive");
        }
        var place = Workplace.make(snapshots ? SnapshotBench.NEEDS : BenchRun.NEEDS, poolDir);
        try (var _ = new Interruption();
                place) {
            var narration = new Narration(commandLine.getOut());
            var counted = new BenchRun.Rounds(rounds, warmUp);
            if (snapshots) {
                new SnapshotBench(place, narration, counted).run();
            } else {
                new BenchRun(place, narration, counted).run();
            }
        } catch (IOException e) {
            throw Thread.interrupted() ? new IOException("interrupted", e) : e;
        }
        return 0;
    }
}
