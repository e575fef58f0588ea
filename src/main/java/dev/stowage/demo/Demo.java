package dev.stowage.demo;

import dev.stowage.cli.Interruption;
import dev.stowage.cli.Quantity;
import dev.stowage.client.VolumeKind;
import dev.stowage.lab.Narration;
import dev.stowage.lab.Workplace;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `stowage demo`: one volume through its life on this machine.
@Command(
        name = "demo",
        description = {
            "Take one volume through its whole life on this machine, step by step, with times.",
            "Starts the driver as two nodes on a temporary pool and leaves nothing behind."
        },
        mixinStandardHelpOptions = true)
public final class Demo implements Callable<Integer> {
    @Spec private @Nullable CommandSpec spec;

    @Option(
            names = "--fs",
            defaultValue = "ext4",
            description = "What to use the volume as: ${COMPLETION-CANDIDATES} (default: ext4).")
    private VolumeKind kind = VolumeKind.EXT4;

    @Option(
            names = "--size",
            paramLabel = "SIZE",
            defaultValue = "1Gi",
            converter = Quantity.Converter.class,
            description = "The volume's size, as 1Gi or 500Mi; it is grown to twice that.")
    private Quantity size = new Quantity(1L << 30);

    @Option(
            names = "--keep",
            description = "Stop while the volume is mounted, and say where and how to clean up.")
    private boolean keep;

    @Option(
            names = "--pool-dir",
            paramLabel = "DIR",
            description = "Where to make the temporary folder (default: /var/lib or /var/tmp).")
    private @Nullable Path poolDir;

    @Option(
            names = "--tour",
            description =
                    "Show other things instead, with --fs and --size: snapshots of a volume that is"
                            + " written, restored; group snapshots; lists of changed blocks; a limit"
                            + " on I/O. Needs mkfs.xfs.")
    private boolean tour;

    @Override
    public Integer call() throws IOException {
        var commandLine = Objects.requireNonNull(spec).commandLine();
        // The driver's own log is not the story; its warnings come with the errors of the calls.
        System.setProperty(
                "STOWAGE_LOG_LEVEL", System.getenv().getOrDefault("STOWAGE_LOG_LEVEL", "OFF"));
        if (tour) {
            return tour(commandLine);
        }
        var plan = new DemoStory.Plan(kind, size.bytes(), keep);
        var place = Workplace.make(plan.needs(), poolDir);
        try (var _ = new Interruption()) {
            return new DemoStory(plan, place, new Narration(commandLine.getOut())).tell();
        }
    }

    private int tour(CommandLine commandLine) throws IOException {
        var plan = new DemoTour.Plan(kind, size.bytes());
        var refused =
                keep
                        ? Optional.of(
                                "--keep leaves a volume mounted, and --tour has none in the end: use one of them")
                        : plan.refusal();
        if (refused.isPresent()) {
            throw new ParameterException(commandLine, refused.get());
        }
        var place = Workplace.make(DemoTour.NEEDS, poolDir);
        try (var _ = new Interruption()) {
            return new DemoTour(plan, place, new Narration(commandLine.getOut())).tell();
        }
    }
}
