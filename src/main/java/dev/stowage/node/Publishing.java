package dev.stowage.node;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.MountPoint;
import dev.stowage.linux.MountTable;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.node.device.Busy;
import dev.stowage.node.device.Connectors;
import dev.stowage.node.device.UnreadableDevice;
import dev.stowage.node.filesystem.DeviceRelease;
import dev.stowage.volume.AccessType;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Shows a staged volume to pods and takes it away from them. Callers see to it that one volume
/// has one operation at a time in this process.
public final class Publishing {
    private final NodeId node;
    private final Connectors connectors;
    private final PublishedFileSystem fileSystems;
    private final PublishedBlock blocks;
    private final FreshTargets fresh;

    public Publishing(NodeId node, Connectors connectors, FreshTargets fresh) {
        this.node = node;
        this.connectors = connectors;
        this.fresh = fresh;
        this.fileSystems = new PublishedFileSystem();
        this.blocks = new PublishedBlock(connectors);
    }

    /// Binds the staged volume to the target path, which is made: a folder, or a file for raw
    /// block. A read-only target is so from its first instant. The same request again changes
    /// nothing.
    ///
    /// @throws VolumeException FAILED_PRECONDITION if the volume is not staged at the staging
    ///     path, if the target holds something, or if the access mode allows one target and there
    ///     is another; ALREADY_EXISTS if the target is taken by something else or published
    ///     otherwise
    public void publish(PublishRequest request) throws IOException {
        var place = HostPath.require(request.targetPath());
        var staging = HostPath.find(request.stagingPath()).orElseThrow(() -> notStaged(request));
        if (fresh.takeGrowth(request.volume(), place.path())) {
            growFirst(request, place, staging);
        }
        var mounts = mounts(request.volume());
        var before = mounts.at(place.path()).isEmpty();
        publish(request, place, staging, mounts);
        if (before) {
            fresh.published(request.volume(), place.path());
        }
    }

    private void publish(
            PublishRequest request, HostPath place, HostPath staging, VolumeMounts mounts)
            throws IOException {
        switch (request.capability().type()) {
            case AccessType.Mount mount ->
                    fileSystems.publish(
                            request,
                            mount,
                            fileSystems
                                    .staged(mounts, staging)
                                    .orElseThrow(() -> notStaged(request)),
                            place,
                            mounts);
            case AccessType.Block _ ->
                    blocks.publish(
                            request,
                            blocks.staged(mounts, staging).orElseThrow(() -> notStaged(request)),
                            place,
                            mounts);
        }
    }

    private VolumeMounts mounts(VolumeId id) throws IOException {
        return new VolumeMounts(MountTable.read(), connectors.devices(id));
    }

    /// Takes the volume away from its target, if that is the only one, and lets it grow.
    private void growFirst(PublishRequest request, HostPath place, HostPath staging)
            throws IOException {
        var id = request.volume();
        OptionalStep.attempt(
                "growing the file system of volume %s before it is published".formatted(id),
                () -> {
                    var mounts = mounts(id);
                    var staged = fileSystems.staged(mounts, staging);
                    var others = mounts.except(staging.path());
                    if (staged.isPresent()
                            && others.size() == 1
                            && others.getFirst().path().equals(place.path().toString())) {
                        OneMount.unmount(place.path(), others);
                        StagedGrowth.of(id, staged.get(), mounts(id)).grow();
                    }
                });
    }

    private VolumeException notStaged(PublishRequest request) {
        return new VolumeException(
                Reason.FAILED_PRECONDITION,
                "volume %s is not staged at %s on node %s: stage it first"
                        .formatted(request.volume(), request.stagingPath(), node));
    }

    /// Takes the volume away from the target path and removes the path. Nothing there: nothing
    /// happens. Neither volume nor pool need exist.
    ///
    /// @throws VolumeException FAILED_PRECONDITION if something else is mounted there
    public void unpublish(String volumeId, Path targetPath) throws IOException {
        var found = HostPath.find(targetPath);
        if (found.isEmpty()) {
            return;
        }
        var place = found.get();
        var path = place.path();
        var id = VolumeId.parse(volumeId);
        var devices = connectors.find(id).ofImage(id);
        var mounts = new VolumeMounts(MountTable.read(), devices.all());
        var there = mounts.at(path);
        for (var mount : there) {
            requirePublished(volumeId, mounts, mount);
        }
        var readOnlyDevices = readOnly(devices.known(), there);
        releaseUnreadable(readOnly(devices.unreadable(), there), path);
        unmount(volumeId, path, there);
        if (!there.isEmpty()) {
            settle(volumeId, path, devices.all(), readOnlyDevices);
        }
        Target.remove(place);
    }

    private void unmount(String volumeId, Path path, List<MountPoint> there) throws IOException {
        try {
            OneMount.unmount(path, there);
        } catch (ErrnoException e) {
            throw e.is(Errno.EBUSY)
                    ? Busy.unmount(
                            "volume %s can't be unpublished from %s on node %s"
                                    .formatted(volumeId, path, node),
                            path,
                            e)
                    : e;
        }
    }

    private static <D extends BlockDevice> Set<D> readOnly(List<D> devices, List<MountPoint> there)
            throws IOException {
        var shown = new HashSet<D>();
        for (var mount : there) {
            for (var device : devices) {
                if (device.readOnly() && VolumeMounts.isNodeOf(mount, device)) {
                    shown.add(device);
                }
            }
        }
        return shown;
    }

    /// While the mount at the target still shows that they are ours.
    private static void releaseUnreadable(Set<UnreadableDevice> devices, Path path)
            throws IOException {
        for (var device : devices) {
            if (new VolumeMounts(MountTable.read(), List.of(device)).except(path).isEmpty()) {
                device.release();
            }
        }
    }

    /// Checks that it is gone, and gives back read-only devices that nothing else uses.
    private static void settle(
            String volumeId, Path path, List<BlockDevice> devices, Set<BlockDevice> readOnly)
            throws IOException {
        var now = new VolumeMounts(MountTable.read(), devices);
        if (!now.at(path).isEmpty()) {
            throw new IOException(
                    "volume %s is still mounted at %s after it was unmounted: somebody publishes it at the same time"
                            .formatted(volumeId, path));
        }
        var unused = new ArrayList<BlockDevice>();
        for (var device : readOnly) {
            if (!now.uses(device)) {
                unused.add(device);
            }
        }
        for (var device : unused) {
            DeviceRelease.release(volumeId, device);
        }
    }

    private void requirePublished(String volumeId, VolumeMounts mounts, MountPoint mount)
            throws IOException {
        var published =
                mounts.isFileSystem(mount) && !VolumeMounts.isStaging(mount)
                        || mounts.isNode(mount)
                        || Leftover.isUnboundNode(mount);
        if (!published) {
            throw VolumeMounts.foreign(volumeId, "published", node, mount);
        }
    }
}
