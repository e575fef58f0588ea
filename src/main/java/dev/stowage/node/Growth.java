package dev.stowage.node;

import dev.stowage.linux.CommandException;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.FrozenException;
import dev.stowage.linux.MountPoint;
import dev.stowage.linux.MountTable;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.node.device.Connectors;
import dev.stowage.node.filesystem.Growing;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.IoAction;
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
    private final FreshTargets fresh;

    public Growth(Connectors connectors, FreshTargets fresh) {
        this.paths = new VolumePaths(connectors);
        this.fresh = fresh;
    }

    /// Looks before anything grows.
    ///
    /// @throws VolumeException NOT_FOUND if the path is not a mount of the volume
    public void requireAt(VolumeId id, Path volumePath) throws IOException {
        paths.require(id, volumePath);
    }

    /// Whether the volume is connected and mounted nowhere, as an expansion leaves it that was
    /// killed while the file system was unmounted: it is to be staged again, and grows with that.
    public boolean interrupted(VolumeId id, Path stagingPath) throws IOException {
        return HostPath.find(stagingPath).isPresent() && paths.connectedOnly(id);
    }

    /// First the devices, then the file system; repeated after a kill in between, it goes on.
    /// Nothing shrinks, and a volume that has its size already is left as it is.
    ///
    /// @param volume with its new capacity
    /// @param volumePath where it is staged or published
    /// @return the capacity in bytes
    /// @throws VolumeException NOT_FOUND if the path is not a mount of the volume;
    ///     FAILED_PRECONDITION if its file system can't grow now; OUT_OF_RANGE if it never can;
    ///     BUSY if it is frozen, or grows when it is published again
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

    private void grow(VolumeId id, MountPoint mount, VolumeMounts mounts) throws IOException {
        for (var device : mounts.devices()) {
            var writable = mounts.writable(device);
            if (writable.isPresent()) {
                var at = Path.of(writable.get().path());
                grow(id, () -> grow(id, device, mount, mounts, at));
                return;
            }
        }
        throw new VolumeException(
                Reason.FAILED_PRECONDITION,
                "the file system of volume %s is mounted read-only at %s and can't grow: its device has the new size, and it grows when it is next staged for writing"
                        .formatted(id, mount.path()));
    }

    private void grow(
            VolumeId id, BlockDevice device, MountPoint mount, VolumeMounts mounts, Path at)
            throws IOException {
        if (Growing.growsOnlyUnmounted(device)) {
            if (StagedGrowth.possible(mounts, mount)) {
                StagedGrowth.of(id, mount, mounts).grow();
                return;
            }
            var path = Path.of(mount.path());
            if (mounts.published().size() == 1 && fresh.growAtNextPublish(id, path)) {
                throw new VolumeException(
                        Reason.BUSY,
                        "the file system of volume %s grows while it is not mounted, which it is not for a moment when it is published at %s again: publish it again, and retry"
                                .formatted(id, path));
            }
        }
        Growing.online(FileSystemType.require(mount.type()), device, at);
    }

    /// With any code but FAILED_PRECONDITION the kubelet would not start the pod, which can do with
    /// the size that there is.
    private static void grow(VolumeId id, IoAction growth) throws IOException {
        try {
            growth.run();
        } catch (FrozenException e) {
            throw new VolumeException(
                    Reason.BUSY,
                    "volume %s can't grow now: %s, and retry".formatted(id, e.getMessage()),
                    e);
        } catch (ErrnoException | CommandException e) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "the file system of volume %s did not grow: %s; it is tried again when the volume is next staged or expanded"
                            .formatted(id, e.getMessage()),
                    e);
        }
    }
}
