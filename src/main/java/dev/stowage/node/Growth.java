package dev.stowage.node;

import dev.stowage.linux.MountPoint;
import dev.stowage.linux.MountTable;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Lets what is staged on this node take the new size of a volume whose image has grown.
public final class Growth {
    private final VolumePaths paths;

    public Growth(Connectors connectors) {
        this.paths = new VolumePaths(connectors);
    }

    /// Looks before anything grows.
    ///
    /// @throws VolumeException NOT_FOUND if the path is not a mount of the volume
    public void requireAt(VolumeId id, Path volumePath) throws IOException {
        paths.require(id, volumePath);
    }

    /// First the devices, then the file system; repeated after a kill in between, it goes on.
    /// Nothing shrinks, and a volume that has its size already is left as it is.
    ///
    /// @param volume with its new capacity
    /// @param volumePath where it is staged or published
    /// @return the capacity in bytes
    /// @throws VolumeException NOT_FOUND if the path is not a mount of the volume;
    ///     FAILED_PRECONDITION if its file system can't grow now, saying why
    public long expand(Volume volume, Path volumePath) throws IOException {
        var found = paths.require(volume.id(), volumePath);
        var devices = grown(volume, found.mounts().devices());
        switch (found) {
            case VolumePaths.Found.Node _ -> {}
            case VolumePaths.Found.FileSystem fileSystem -> {
                var mounts = new VolumeMounts(MountTable.read(), devices);
                grow(volume.id(), fileSystem.mount(), mounts);
            }
        }
        return volume.capacityBytes();
    }

    private static List<BlockDevice> grown(Volume volume, List<BlockDevice> devices)
            throws IOException {
        var grown = new ArrayList<BlockDevice>();
        for (var device : devices) {
            var now = device.sizeBytes() < volume.capacityBytes() ? device.withNewSize() : device;
            if (now.sizeBytes() < volume.capacityBytes()) {
                throw new VolumeException(
                        Reason.FAILED_PRECONDITION,
                        "%s has %d bytes, but volume %s should have %d: expand the volume itself first"
                                .formatted(
                                        now.path(),
                                        now.sizeBytes(),
                                        volume.id(),
                                        volume.capacityBytes()));
            }
            grown.add(now);
        }
        return grown;
    }

    private static void grow(VolumeId id, MountPoint mount, VolumeMounts mounts)
            throws IOException {
        var fileSystem = FileSystemType.require(mount.type());
        for (var device : mounts.devices()) {
            var writable = mounts.writable(device);
            if (writable.isPresent()) {
                Growing.online(fileSystem, device, Path.of(writable.get().path()));
                return;
            }
        }
        throw new VolumeException(
                Reason.FAILED_PRECONDITION,
                "the file system of volume %s is mounted read-only at %s and can't grow: its device has the new size, and it grows when it is next staged for writing"
                        .formatted(id, mount.path()));
    }
}
