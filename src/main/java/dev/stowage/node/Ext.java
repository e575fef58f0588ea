package dev.stowage.node;

import dev.stowage.linux.Command;
import dev.stowage.linux.Fd;
import dev.stowage.linux.FileSystemGrowth;
import dev.stowage.linux.OpenFlags;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// What is done to an ext3 or ext4 while it is not mounted. Only what `-p` may do without a
/// person: everything else is reported.
final class Ext {
    /// A check reads all of the file system's tables.
    private static final Duration LIMIT = Duration.ofHours(2);

    /// fsck(8): 0 nothing found, 1 errors corrected.
    private static final Set<Integer> MENDED = Set.of(0, 1);

    private static final Set<Integer> ANY =
            IntStream.range(0, 256).boxed().collect(Collectors.toUnmodifiableSet());

    private Ext() {}

    /// Whether the kernel noted errors when it was last mounted.
    static boolean hasErrors(BlockDevice device) throws IOException {
        try (var fd = Fd.open(device.path(), OpenFlags.O_RDONLY)) {
            return ExtSuperblock.primary(fd, fd.blockDeviceBytes())
                    .filter(ExtSuperblock::hasErrors)
                    .isPresent();
        }
    }

    /// Whether the file system would get larger if it took the whole device.
    static boolean isSmallerThan(BlockDevice device) throws IOException {
        var now = FileSystemGrowth.ext4Bytes(device.path());
        if (now >= device.sizeBytes()) {
            return false;
        }
        try (var fd = Fd.open(device.path(), OpenFlags.O_RDONLY)) {
            var bytes = fd.blockDeviceBytes();
            return ExtSuperblock.primary(fd, bytes)
                    .filter(superblock -> superblock.growsOn(bytes, now))
                    .isPresent();
        }
    }

    /// Checks and mends what can be mended without a decision.
    ///
    /// @throws VolumeException DAMAGED with the program's own words
    static void mend(FileSystemType fileSystem, BlockDevice device) throws IOException {
        check(List.of("fsck." + fileSystem.kernelName(), "-p", device.path().toString()));
    }

    /// Grows to the device's size, offline: see
    /// docs/decisions/001-ext4-growth-without-cap-sys-resource.md.
    static void growOffline(FileSystemType fileSystem, BlockDevice device) throws IOException {
        var path = device.path().toString();
        check(List.of("fsck." + fileSystem.kernelName(), "-f", "-p", path));
        Command.run(List.of("resize2fs", path), LIMIT);
    }

    private static void check(List<String> argv) throws IOException {
        var output = Command.run(argv, LIMIT, ANY);
        if (!MENDED.contains(output.exitCode())) {
            throw new VolumeException(
                    Reason.DAMAGED,
                    "%s could not mend the file system (exit code %d): %s; run it by hand without -p while the volume is not staged"
                            .formatted(
                                    String.join(" ", argv),
                                    output.exitCode(),
                                    (output.stdout() + output.stderr()).strip()));
        }
    }
}
