package dev.stowage.node;

import dev.stowage.linux.MountPoint;
import dev.stowage.linux.MountTable;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.node.device.Connectors;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Path;

/// Finds what of a volume is at a path that a caller names: its file system or its device node, at
/// a target or at a staging path.
final class VolumePaths {
    private final Connectors connectors;

    VolumePaths(Connectors connectors) {
        this.connectors = connectors;
    }

    sealed interface Found {
        VolumeMounts mounts();

        record FileSystem(MountPoint mount, VolumeMounts mounts) implements Found {}

        record Node(BlockDevice device, VolumeMounts mounts) implements Found {}
    }

    /// @throws VolumeException NOT_FOUND if it is not a mount of the volume
    Found require(VolumeId id, Path path) throws IOException {
        var place = HostPath.find(path).orElseThrow(() -> notFound(id, path));
        var mounts = new VolumeMounts(MountTable.read(), connectors.devices(id));
        var there = mounts.at(place.path());
        if (there.isEmpty()) {
            there = mounts.at(StagingFolder.device(place));
        }
        if (!there.isEmpty()) {
            var top = there.getLast();
            if (mounts.isFileSystem(top)) {
                return new Found.FileSystem(top, mounts);
            }
            for (var device : mounts.devices()) {
                if (VolumeMounts.isNodeOf(top, device)) {
                    return new Found.Node(device, mounts);
                }
            }
        }
        throw notFound(id, path);
    }

    /// Whether the volume has devices on this node, and none of them is used.
    boolean connectedOnly(VolumeId id) throws IOException {
        var mounts = new VolumeMounts(MountTable.read(), connectors.devices(id));
        for (var device : mounts.devices()) {
            if (mounts.uses(device) || device.held()) {
                return false;
            }
        }
        return !mounts.devices().isEmpty();
    }

    static VolumeException notFound(VolumeId id, Path path) {
        return new VolumeException(
                Reason.NOT_FOUND, "volume %s is not mounted at %s".formatted(id, path));
    }
}
