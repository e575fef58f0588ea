package dev.stowage.node;

import dev.stowage.linux.Linux;
import dev.stowage.linux.MountPoint;
import dev.stowage.linux.MountTable;
import dev.stowage.volume.NodeId;
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

    void unstage(String volumeId, Path stagingPath) throws IOException {
        var devices = connectors.devices(VolumeId.parse(volumeId));
        var place = HostPath.find(stagingPath);
        var mounts = new VolumeMounts(MountTable.read(), devices);
        var others = place.isPresent() ? unmount(volumeId, place.get(), mounts) : others(mounts);
        if (others.isEmpty()) {
            var id = VolumeId.parse(volumeId);
            if (id.isPresent()) {
                limiting.lift(id.get(), () -> release(devices));
            }
        } else if (place.isEmpty()) {
            refusePublished(volumeId, others);
        }
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
            unstage(id.toString(), stagingPath(staging));
        }
        if (stagings.isEmpty()) { // an unstage was killed after its unmount
            limiting.lift(id, () -> release(mounts.devices()));
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

    private static void release(List<BlockDevice> devices) throws IOException {
        for (var device : devices) {
            DeviceRelease.release(device);
        }
    }

    private static List<MountPoint> others(VolumeMounts mounts) throws IOException {
        return mounts.except(Path.of("/"));
    }

    /// Returns the other stagings of the volume.
    private List<MountPoint> unmount(String volumeId, HostPath place, VolumeMounts mounts)
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
        var others = new ArrayList<>(mounts.except(path));
        others.removeIf(mount -> mount.path().equals(device.toString()));
        refusePublished(volumeId, others);
        if (!here.isEmpty()) {
            thaw(path);
            OneMount.unmount(path, here);
        }
        OneMount.unmount(device, bound);
        if (!here.isEmpty() || !bound.isEmpty()) {
            requireGone(volumeId, path, device, mounts);
        }
        removeDeviceFile(place);
        return others;
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
            throw foreign(volumeId, mount);
        }
    }

    private void requireNode(String volumeId, VolumeMounts mounts, MountPoint mount)
            throws IOException {
        if (!mounts.isNode(mount) && !Leftover.isUnboundNode(mount)) {
            throw foreign(volumeId, mount);
        }
    }

    private VolumeException foreign(String volumeId, MountPoint mount) {
        return new VolumeException(
                Reason.FAILED_PRECONDITION,
                "volume %s is not what is staged at %s on node %s: %s (%s) is mounted there; it was left alone"
                        .formatted(volumeId, mount.path(), node, mount.source(), mount.type()));
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
                                    .formatted(volumeId, node, path));
                });
    }

    private static boolean isStaging(MountPoint mount) {
        return VolumeMounts.isStaging(mount) || VolumeMounts.isStagedNode(mount);
    }

    private static void requireGone(String volumeId, Path path, Path device, VolumeMounts before)
            throws IOException {
        var now = new VolumeMounts(MountTable.read(), before.devices());
        var left = new ArrayList<>(now.at(path));
        left.addAll(now.at(device));
        if (!left.isEmpty()) {
            throw new IOException(
                    "volume %s is still mounted at %s after it was unmounted: somebody mounts it at the same time"
                            .formatted(volumeId, left.getFirst().path()));
        }
    }
}
