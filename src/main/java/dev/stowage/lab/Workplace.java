package dev.stowage.lab;

import dev.stowage.linux.Command;
import dev.stowage.linux.Linux;
import dev.stowage.linux.Usage;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Quantities;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// A temporary folder for a demo or a benchmark. When it is closed, all that grew on it is gone.
public record Workplace(Path folder) implements AutoCloseable {
    private static final List<Path> USUAL_PARENTS =
            List.of(Path.of("/var/lib"), Path.of("/var/tmp"));

    private static final Map<Long, String> FORGETFUL =
            Map.of(Usage.OVERLAY, "overlay", Usage.TMPFS, "tmpfs", Usage.RAMFS, "ramfs");

    /// A program that was told to end may hold a device for a moment.
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private static final long PAUSE_NANOS = 20_000_000;

    /// What a machine must have.
    ///
    /// @param name of the folder
    /// @param fileSystem that mkfs must be able to make
    /// @param bytes to be had on the disk
    public record Needs(String name, Optional<FileSystemType> fileSystem, long bytes) {}

    /// @param chosen where the folder is to be made; null: a usual place
    /// @throws IOException with one sentence that says what is missing and what to do
    public static Workplace make(Needs needs, @Nullable Path chosen) throws IOException {
        if (!Linux.isRoot()) {
            throw new IOException(
                    "mounting and loop devices need root: run it with sudo, or as root");
        }
        if (!Files.exists(Path.of("/dev/loop-control"))) {
            throw new IOException(
                    "this machine has no /dev/loop-control: load the kernel module with"
                            + " modprobe loop, or give the container the host's /dev");
        }
        if (needs.fileSystem().isPresent()) {
            requireMkfs(needs.fileSystem().get());
        }
        var parent = chosen == null ? usualParent() : requireLasting(chosen);
        requireSpace(parent, needs.bytes());
        return new Workplace(
                Files.createTempDirectory(parent, "stowage-" + needs.name() + ".").toRealPath());
    }

    private static void requireMkfs(FileSystemType fileSystem) throws IOException {
        var program = "mkfs." + fileSystem;
        if (Command.find(program).isEmpty()) {
            throw new IOException(
                    "%s is not installed: install the package %s"
                            .formatted(
                                    program,
                                    switch (fileSystem) {
                                        case EXT4, EXT3 -> "e2fsprogs";
                                        case XFS -> "xfsprogs";
                                        case BTRFS -> "btrfs-progs";
                                    }));
        }
    }

    private static Path usualParent() throws IOException {
        for (var parent : USUAL_PARENTS) {
            if (Files.isDirectory(parent) && forgetful(parent).isEmpty()) {
                return parent;
            }
        }
        throw new IOException(
                "%s are on %s, which can't hold volumes: name a folder on a disk with --pool-dir"
                        .formatted(
                                "/var/lib and /var/tmp",
                                forgetful(USUAL_PARENTS.getFirst()).orElse("no disk")));
    }

    private static Path requireLasting(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            throw new IOException(
                    "--pool-dir %s is not a folder: name one that exists".formatted(folder));
        }
        var type = forgetful(folder);
        if (type.isPresent()) {
            throw new IOException(
                    "%s is on %s, which can't hold volumes: name a folder on a disk with --pool-dir"
                            .formatted(folder, type.get()));
        }
        return folder;
    }

    private static Optional<String> forgetful(Path folder) throws IOException {
        return Optional.ofNullable(FORGETFUL.get(Linux.statfs(folder).type()));
    }

    private static void requireSpace(Path parent, long bytes) throws IOException {
        var available = Linux.statfs(parent).availableBytes();
        if (available < bytes) {
            throw new IOException(
                    "%s has %s free and %s are needed: name a folder on another disk with --pool-dir"
                            .formatted(parent, Quantities.text(available), Quantities.text(bytes)));
        }
    }

    public Path makeFolder(String name) throws IOException {
        return Files.createDirectories(folder.resolve(name));
    }

    public Remains remains() throws IOException {
        return Remains.of(folder);
    }

    /// Unmounts, detaches and deletes what there is.
    ///
    /// @throws IOException what did not go away, and how to be rid of it
    @Override
    public void close() throws IOException {
        var end = System.nanoTime() + PATIENCE.toNanos();
        var left = remains();
        while (!left.isEmpty()) {
            try {
                left.clear();
            } catch (IOException e) {
                if (System.nanoTime() - end >= 0) {
                    throw new IOException(
                            "%s; clean up with: %s"
                                    .formatted(e.getMessage(), String.join("; ", left.remedy())),
                            e);
                }
                LockSupport.parkNanos(PAUSE_NANOS);
            }
            left = remains();
        }
    }
}
