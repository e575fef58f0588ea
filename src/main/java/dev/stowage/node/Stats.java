package dev.stowage.node;

import dev.stowage.linux.Linux;
import dev.stowage.linux.MountPoint;
import dev.stowage.linux.OpenFlags;
import dev.stowage.node.device.Connectors;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Path;

/// Tells how full volumes are. On a file system that hangs, a call hangs with it: callers bound
/// how many they start.
public final class Stats {
    private final VolumePaths paths;

    public Stats(Connectors connectors) {
        this.paths = new VolumePaths(connectors);
    }

    /// @throws VolumeException NOT_FOUND if the path is not a mount of the volume; never the
    ///     numbers of the file system around it
    public VolumeStats stats(VolumeId id, Path volumePath) throws IOException {
        return switch (paths.require(id, volumePath)) {
            case VolumePaths.Found.Node node -> VolumeStats.ofBlock(node.device().sizeBytes());
            case VolumePaths.Found.FileSystem fileSystem ->
                    fileSystem(id, volumePath, fileSystem.mount());
        };
    }

    private static VolumeStats fileSystem(VolumeId id, Path volumePath, MountPoint mount)
            throws IOException {
        var flags = OpenFlags.O_PATH | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW;
        try (var root = mount.open(flags)) {
            if (MountId.of(root) != mount.id()) {
                throw VolumePaths.notFound(id, volumePath);
            }
            var usage = Linux.statfs(root.path());
            return new VolumeStats(
                    false,
                    usage.totalBytes(),
                    usage.totalBytes() - usage.freeBytes(),
                    usage.availableBytes(),
                    usage.inodes(),
                    usage.inodes() - usage.freeInodes(),
                    usage.freeInodes());
        }
    }
}
