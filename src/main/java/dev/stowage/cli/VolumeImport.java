package dev.stowage.cli;

import static java.util.Objects.requireNonNull;

import dev.stowage.backend.file.OfflinePool;
import dev.stowage.config.Config.PoolConfig;
import dev.stowage.config.ConfigException;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Topology;
import dev.stowage.volume.VolumeSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `stowage volume import`: a volume whose content was there before.
@Command(
        name = "import",
        description = {
            "Make a volume from a disk image or a folder, and print its PersistentVolume.",
            "The volume is never formatted. Repeated under the same name, nothing is copied again."
        },
        mixinStandardHelpOptions = true)
final class VolumeImport implements Callable<Integer> {
    private static final int SECTOR = 512;

    @Spec private @Nullable CommandSpec spec;

    @Mixin private PoolOptions options = new PoolOptions();

    @Parameters(
            paramLabel = "IMAGE|FOLDER",
            description = "A raw disk image, a disk, or a folder whose content the volume gets.")
    private @Nullable Path source;

    @Option(
            names = "--name",
            required = true,
            paramLabel = "NAME",
            description = "The name of the PersistentVolume.")
    private @Nullable String name;

    @Option(
            names = "--fs",
            paramLabel = "TYPE",
            description =
                    "ext4, ext3, xfs or btrfs (default: what the image holds; for a folder ext4). Of two that an image says it holds, the one that counts.")
    private @Nullable String fileSystem;

    @Option(
            names = "--block",
            description = "Make a raw block volume of the image, whatever it holds.")
    private boolean block;

    @Option(
            names = "--as-is",
            description =
                    "With --block: also of an image whose disk is packed in it, as qcow2 or gzip.")
    private boolean asIs;

    @Option(
            names = "--size",
            paramLabel = "SIZE",
            converter = Quantity.Converter.class,
            description = "At least this size, as 10Gi (default: what the content needs).")
    private @Nullable Quantity size;

    @Option(
            names = "--provisioning",
            paramLabel = "KIND",
            description = "thick or thin (default: as the pool has it).")
    private @Nullable String provisioning;

    @Option(
            names = "--access-mode",
            paramLabel = "MODE",
            defaultValue = "ReadWriteOnce",
            description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private PersistentVolumeManifest.Use use = PersistentVolumeManifest.Use.ReadWriteOnce;

    @Override
    public Integer call() throws IOException {
        var named = PersistentVolumeManifest.requireName(requireNonNull(name));
        var config = options.config();
        var pool = options.pool(config);
        var kind = provisioning == null ? pool.provisioning() : Provisioning.require(provisioning);
        var from = source(kind, pool.path());
        try (var _ = new Interruption();
                var offline = options.enter(pool)) {
            var volume = offline.adopt(spec(named, from, kind), from.content());
            var out = requireNonNull(spec).commandLine().getOut();
            out.print(
                    new PersistentVolumeManifest(
                                    config.driver(), volume, topology(pool, offline), use)
                            .yaml());
            out.flush();
        }
        return 0;
    }

    private ImportSource source(Provisioning kind, Path pool) throws IOException {
        var path = named(requireNonNull(source)).toAbsolutePath();
        var asked = Optional.ofNullable(fileSystem).map(FileSystemType::require);
        if (block && (asked.isPresent() || Files.isDirectory(path))) {
            throw new ConfigException(
                    "--block is for disk images without a file system that is to be mounted: leave out --fs, or --block");
        }
        if (asIs && !block) {
            throw new ConfigException("--as-is is for --block alone: leave it out, or add --block");
        }
        if (Files.isDirectory(path)) {
            return ImportSource.folder(path, asked, pool);
        }
        var image = ImportedImage.open(path);
        return block ? image.block(asIs, kind) : image.fileSystem(asked, kind);
    }

    /// An empty name, as of a shell variable that is not set, would be the working directory.
    private static Path named(Path source) {
        if (source.toString().isEmpty()) {
            throw new ConfigException(
                    "IMAGE|FOLDER is empty: name the disk image or the folder that the volume is to be made of");
        }
        return source;
    }

    /// A raw image keeps its length, for what lies at its end; a file system grows into whole MiB.
    private VolumeSpec spec(String named, ImportSource from, Provisioning kind) {
        var sectors = (from.bytes() + SECTOR - 1) / SECTOR * SECTOR;
        var capacity =
                size != null
                        ? CapacityRange.atLeast(Math.max(size.bytes(), sectors))
                        : block
                                ? new CapacityRange(sectors, sectors)
                                : CapacityRange.atLeast(sectors);
        return new VolumeSpec(
                named, capacity, from.fileSystem(), List.of(), kind, VolumeSpec.DEFAULT_BLOCK_SIZE);
    }

    private Topology topology(PoolConfig pool, OfflinePool offline) throws IOException {
        return pool.shared() ? Topology.sharedPool(offline.pool()) : Topology.node(options.node());
    }
}
