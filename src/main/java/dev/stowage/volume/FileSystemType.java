package dev.stowage.volume;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/// The file systems that a volume can be formatted with, and the smallest volume that each can live
/// in, unless options want a larger one ([SmallestVolume]).
public enum FileSystemType {
    /// With less, mkfs.ext4 leaves out the journal.
    EXT4("ext4", 16L << 20),
    EXT3("ext3", 16L << 20),
    /// mkfs.xfs(8) refuses less than 300 MiB.
    XFS("xfs", 300L << 20),
    /// mkfs.btrfs(8) wants about 109 MiB.
    BTRFS("btrfs", 112L << 20);

    private final String kernelName;
    private final long minimumBytes;

    FileSystemType(String kernelName, long minimumBytes) {
        this.kernelName = kernelName;
        this.minimumBytes = minimumBytes;
    }

    /// The name that the kernel, mkfs and Kubernetes use: `ext4`.
    public String kernelName() {
        return kernelName;
    }

    public long minimumBytes() {
        return minimumBytes;
    }

    public static Optional<FileSystemType> named(String kernelName) {
        return Arrays.stream(values()).filter(t -> t.kernelName.equals(kernelName)).findFirst();
    }

    /// Like [#named], with an error that lists the known ones.
    public static FileSystemType require(String kernelName) {
        return named(kernelName)
                .orElseThrow(
                        () ->
                                new VolumeException(
                                        Reason.INVALID,
                                        "file system '%s' is not supported: use one of %s"
                                                .formatted(kernelName, known())));
    }

    private static String known() {
        return Arrays.stream(values())
                .map(FileSystemType::kernelName)
                .collect(Collectors.joining(", "));
    }

    @Override
    public String toString() {
        return kernelName;
    }
}
