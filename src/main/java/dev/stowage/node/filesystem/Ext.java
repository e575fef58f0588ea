package dev.stowage.node.filesystem;

import dev.stowage.linux.Command;
import dev.stowage.linux.CommandException;
import dev.stowage.linux.ExtSize;
import dev.stowage.linux.Fd;
import dev.stowage.linux.FileSystemGrowth;
import dev.stowage.linux.OpenFlags;
import dev.stowage.node.device.BlockDevice;
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
public final class Ext {
    /// A check reads all of the file system's tables.
    private static final Duration LIMIT = Duration.ofHours(2);

    /// fsck(8): 0 nothing found, 1 errors corrected.
    private static final Set<Integer> MENDED = Set.of(0, 1);

    /// Bits of fsck's exit code: errors are left; it could not do its work, as with features that
    /// it does not know, and what it says of errors then is no finding.
    private static final int UNCORRECTED = 4;

    private static final int OPERATIONAL = 8;

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
    public static boolean isSmallerThan(BlockDevice device) throws IOException {
        return ExtSize.read(device.path())
                .filter(size -> size.growsOn(device.sizeBytes()))
                .isPresent();
    }

    /// Checks and mends what can be mended without a decision.
    ///
    /// @throws VolumeException DAMAGED with the program's own words
    static void mend(FileSystemType fileSystem, BlockDevice device) throws IOException {
        check(List.of("fsck." + fileSystem.kernelName(), "-p", device.path().toString()));
    }

    /// Grows to the device's size, offline: see
    /// docs/decisions/001-ext4-growth-without-cap-sys-resource.md.
    ///
    /// @throws VolumeException DAMAGED if the check before it finds what it may not mend
    /// @throws CommandException if the file system can't be grown; it is as it was, or the kernel
    ///     or fsck mends it
    static void growOffline(FileSystemType fileSystem, BlockDevice device) throws IOException {
        var path = device.path().toString();
        var check = List.of("fsck." + fileSystem.kernelName(), "-f", "-p", path);
        var checked = Command.run(check, LIMIT, ANY);
        requireUndamaged(check, checked);
        if (!MENDED.contains(checked.exitCode())) {
            throw new CommandException(
                    check, checked.exitCode(), checked.stdout(), checked.stderr());
        }
        var grow = FileSystemGrowth.resize2fs(device.path());
        var grown = Command.run(grow, LIMIT, ANY);
        if (grown.exitCode() != 0) {
            throw new CommandException(grow, grown.exitCode(), grown.stdout(), grown.stderr());
        }
    }

    private static void check(List<String> argv) throws IOException {
        var output = Command.run(argv, LIMIT, ANY);
        if (!MENDED.contains(output.exitCode())) {
            throw damaged(argv, output);
        }
    }

    private static void requireUndamaged(List<String> argv, Command.Output output) {
        if ((output.exitCode() & (UNCORRECTED | OPERATIONAL)) == UNCORRECTED) {
            throw damaged(argv, output);
        }
    }

    private static VolumeException damaged(List<String> argv, Command.Output output) {
        return new VolumeException(
                Reason.DAMAGED,
                "%s could not mend the file system (exit code %d): %s; run it by hand without -p while the volume is not staged"
                        .formatted(String.join(" ", argv), output.exitCode(), words(output)));
    }

    private static String words(Command.Output output) {
        return (output.stdout() + output.stderr()).strip();
    }
}
