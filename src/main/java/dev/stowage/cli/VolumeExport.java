package dev.stowage.cli;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `stowage volume export`: a copy of a volume's bytes.
@Command(
        name = "export",
        description = {
            "Copy a volume's disk image to a file.",
            "Refused while the volume may be written to."
        },
        mixinStandardHelpOptions = true)
final class VolumeExport implements Callable<Integer> {
    @Spec private @Nullable CommandSpec spec;

    @Mixin private PoolOptions options = new PoolOptions();

    @Parameters(
            index = "0",
            paramLabel = "VOLUME",
            description =
                    "Its id (a PersistentVolume's volumeHandle) or the name it was made with.")
    private @Nullable String volume;

    @Parameters(index = "1", paramLabel = "FILE", description = "The new file.")
    private @Nullable Path file;

    @Override
    public Integer call() throws IOException {
        var config = options.config();
        try (var _ = new Interruption();
                var offline = options.enter(options.pool(config))) {
            var found = offline.require(requireNonNull(volume));
            offline.export(found, requireNonNull(file));
            var err = requireNonNull(spec).commandLine().getErr();
            err.printf("%s is volume %s%n", file, found.id());
            err.flush();
        }
        return 0;
    }
}
