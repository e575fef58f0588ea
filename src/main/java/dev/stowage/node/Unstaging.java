package dev.stowage.node;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Linux;
import dev.stowage.linux.MountPoint;
import dev.stowage.linux.MountTable;
import dev.stowage.node.device.Busy;
import dev.stowage.node.device.Connectors;
import dev.stowage.node.device.UnreadableDevice;
import dev.stowage.node.device.VolumeDevices;
import dev.stowage.node.filesystem.DeviceRelease;
import dev.stowage.node.limit.Limiting;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Printable;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Takes back what staging did: thaw, unmount, detach.
final class Unstaging {
    private static final Logger LOG = LoggerFactory.getLogger(Unstaging.class);

    private final NodeId node;
    private final Connectors connectors;
    private final Limiting limiting;

    Unstaging(NodeId node, Connectors connectors, Limiting limiting) {
        this.node = node;
        this.connectors = connectors;
        this.limiting = limiting;
    }

    /// @return where the volume is mounted still, as another staging is
    List<MountPoint> unstage(String volumeId, Path stagingPath) throws IOException {
        var id = VolumeId.parse(volumeId);
        var devices = connectors.find(id).ofImage(id);
        var place = HostPath.find(stagingPath);
        var mounts = new VolumeMounts(MountTable.read(), devices.all());
        var others =
                place.isPresent()
                        ? unmount(volumeId, place.get(), mounts, devices.unreadable())
                        : others(mounts);
        if (others.isEmpty()) {
            if (id.isPresent()) {
                limiting.lift(id.get(), devices.known(), () -> release(volumeId, devices));
            }
        } else if (place.isEmpty()) {
            refusePublished(volumeId, others);
        }
        return others;
    }

    /// Whether something of the volume is published on this node.
    static boolean published(VolumeMounts mounts) throws IOException {
        return !others(mounts).stream().allMatch(Unstaging::isStaging);
    }

    boolean giveBack(VolumeId id) throws IOException {
        var mounts = mounts(id);
        var stagings = others(mounts);
        if (mounts.devices().isEmpty() || !stagings.stream().allMatch(Unstaging::isStaging)) {
            return false;
        }
        for (var staging : stagings) {
            var _ = unstage(id.toString(), stagingPath(staging));
        }
        if (stagings.isEmpty()) { // an unstage was killed after its unmount
            var devices = new VolumeDevices(mounts.devices(), List.of());
            limiting.lift(id, devices.known(), () -> release(id.toString(), devices));
        }
        return true;
    }

    private static Path stagingPath(MountPoint staging) {
        var path = Path.of(staging.path());
        return VolumeMounts.isStagedNode(staging) ? path.resolveSibling("") : path;
    }

    private VolumeMounts mounts(VolumeId id) throws IOException {
        return new VolumeMounts(MountTable.read(), connectors.devices(id));
    }

    private static void release(String volume, VolumeDevices devices) throws IOException {
        for (var device : devices.known()) {
            DeviceRelease.release(volume, device);
        }
        for (var device : devices.unreadable()) {
            DeviceRelease.requireUnused(volume, device);
        }
    }

    private static List<MountPoint> others(VolumeMounts mounts) throws IOException {
        return mounts.except(Path.of("/"));
    }

    /// Returns the other stagings of the volume.
    private List<MountPoint> unmount(
            String volumeId, HostPath place, VolumeMounts mounts, List<UnreadableDevice> unreadable)
            throws IOException {
        var path = place.path();
        var device = StagingFolder.device(place);
        var here = mounts.at(path);
        var bound = mounts.at(device);
        for (var mount : here) {
            requireStaging(volumeId, mounts, mount);
        }
        for (var mount : bound) {
            requireNode(volumeId, mounts, mount);
        }
        var others = elsewhere(mounts, path, device);
        refusePublished(volumeId, others);
        if (!here.isEmpty()) {
            thaw(path);
        }
        if (others.isEmpty()) {
            for (var dead : unreadable) {
                releaseShown(volumeId, dead, here, bound);
            }
        }
        unmount(volumeId, path, here);
        unmount(volumeId, device, bound);
        if (!here.isEmpty() || !bound.isEmpty()) {
            requireGone(volumeId, path, device, mounts);
        }
        removeDeviceFile(place);
        return others.isEmpty() ? others : elsewhere(now(mounts), path, device);
    }

    private static List<MountPoint> elsewhere(VolumeMounts mounts, Path path, Path device)
            throws IOException {
        var others = new ArrayList<>(mounts.except(path));
        others.removeIf(mount -> mount.path().equals(device.toString()));
        return others;
    }

    /// An unmount also takes away what it was propagated to.
    private static VolumeMounts now(VolumeMounts before) throws IOException {
        return new VolumeMounts(MountTable.read(), before.devices());
    }

    private void unmount(String volumeId, Path path, List<MountPoint> there) throws IOException {
        try {
            OneMount.unmount(path, there);
        } catch (ErrnoException e) {
            throw e.is(Errno.EBUSY)
                    ? Busy.unmount(
                            "volume %s can't be unstaged from %s on node %s"
                                    .formatted(volumeId, path, node),
                            path,
                            e)
                    : e;
        }
    }

    /// What is mounted where the kubelet has us stage the volume, from a device whose file has the
    /// path of its image, is ours.
    private void releaseShown(
            String volumeId,
            UnreadableDevice device,
            List<MountPoint> fileSystems,
            List<MountPoint> nodes)
            throws IOException {
        var own = new VolumeMounts(new MountTable(List.of()), List.of(device));
        var shown = fileSystems.stream().anyMatch(own::isFileSystem);
        for (var node : nodes) {
            shown |= own.isNode(node);
        }
        var id = VolumeId.parse(volumeId);
        if (shown && id.isPresent()) {
            LOG.warn("the disk below {} of volume {} is dead; it is detached", device, volumeId);
            limiting.lift(id.get(), List.of(device), device::release);
        }
    }

    /// A file system that is frozen would outlive its unmount.
    private static void thaw(Path path) {
        try {
            if (Linux.thaw(path)) {
                LOG.warn("the file system at {} was frozen; it was thawed to unstage it", path);
            }
        } catch (IOException e) {
            // one that has shut down opens nothing any more, and can be unmounted all the same
            LOG.warn("whether the file system at {} is frozen can't be seen", path, e);
        }
    }

    private static void removeDeviceFile(HostPath place) throws IOException {
        if (Linux.lstatIfExists(place.path()).filter(stat -> stat.isFolder()).isPresent()) {
            Target.remove(new HostPath(place.path(), StagingFolder.DEVICE));
        }
    }

    private void requireStaging(String volumeId, VolumeMounts mounts, MountPoint mount) {
        if (!mounts.isFileSystem(mount) || !VolumeMounts.isStaging(mount)) {
            throw VolumeMounts.foreign(volumeId, "staged", node, mount);
        }
    }

    private void requireNode(String volumeId, VolumeMounts mounts, MountPoint mount)
            throws IOException {
        if (!mounts.isNode(mount) && !Leftover.isUnboundNode(mount)) {
            throw VolumeMounts.foreign(volumeId, "staged", node, mount);
        }
    }

    private void refusePublished(String volumeId, List<MountPoint> others) {
        var published =
                others.stream()
                        .filter(mount -> !isStaging(mount))
                        .map(MountPoint::path)
                        .findFirst();
        published.ifPresent(
                path -> {
                    throw new VolumeException(
                            Reason.FAILED_PRECONDITION,
                            "volume %s is still published on node %s at %s: unpublish it there first"
                                    .formatted(volumeId, node, Printable.escaped(path)));
                });
    }

    private static boolean isStaging(MountPoint mount) {
        return VolumeMounts.isStaging(mount) || VolumeMounts.isStagedNode(mount);
    }

    private static void requireGone(String volumeId, Path path, Path device, VolumeMounts before)
            throws IOException {
        var now = now(before);
        var left = new ArrayList<>(now.at(path));
        left.addAll(now.at(device));
        if (!left.isEmpty()) {
            throw new IOException(
                    "volume %s is still mounted at %s after it was unmounted: somebody mounts it at the same time"
                            .formatted(volumeId, left.getFirst().path()));
        }
    }
}
