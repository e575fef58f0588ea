package dev.stowage.node;

import dev.stowage.linux.Fd;
import dev.stowage.linux.Mounts;
import dev.stowage.linux.OpenFlags;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.node.device.Connectors;
import dev.stowage.node.filesystem.Attributes;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.util.Optional;

/// Binds the node of a staged raw block device into a pod. A read-only bind would not keep anybody
/// from writing to the device, so a read-only target gets a device that refuses writes.
final class PublishedBlock {
    private final Connectors connectors;

    PublishedBlock(Connectors connectors) {
        this.connectors = connectors;
    }

    /// The device that is bound at the staging path.
    Optional<BlockDevice> staged(VolumeMounts mounts, HostPath staging) throws IOException {
        var there = mounts.at(StagingFolder.device(staging));
        if (there.size() == 1) {
            for (var device : mounts.devices()) {
                if (VolumeMounts.isNodeOf(there.getFirst(), device)) {
                    return Optional.of(device);
                }
            }
        }
        return Optional.empty();
    }

    void publish(PublishRequest request, BlockDevice staged, HostPath place, VolumeMounts mounts)
            throws IOException {
        var readOnly = request.readsOnly();
        if (isPublished(request, place, mounts, readOnly)) {
            return;
        }
        PublishTable.check(request, mounts, place);
        if (!readOnly && staged.readOnly()) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "volume %s is staged read-only and can't be published for writing"
                            .formatted(request.volume()));
        }
        if (!readOnly || staged.readOnly()) {
            bind(staged, place, readOnly);
            return;
        }
        var connection = connectors.connect(request.attachment(), staged.blockSizeBytes(), true);
        try {
            bind(connection.device(), place, true);
        } catch (IOException | RuntimeException e) {
            if (connection.madeNow()) {
                Undo.release(connection, e);
            }
            throw e;
        }
    }

    private static void bind(BlockDevice device, HostPath place, boolean readOnly)
            throws IOException {
        try (var source = Fd.open(device.path(), OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW);
                var target = Target.file(place)) {
            try {
                OneMount.make(
                        place.path(),
                        () -> Mounts.bind(source, target.fd(), Attributes.device(readOnly)));
            } catch (IOException | RuntimeException e) {
                target.undo(e);
                throw e;
            }
        }
    }

    private static boolean isPublished(
            PublishRequest request, HostPath place, VolumeMounts mounts, boolean readOnly)
            throws IOException {
        var there = mounts.at(place.path());
        if (there.isEmpty()) {
            return false;
        }
        if (there.size() > 1 || !mounts.isNode(there.getFirst())) {
            throw PublishTable.taken(request, place, "something else is mounted there");
        }
        if (there.getFirst().readOnly() != readOnly) {
            throw PublishTable.taken(
                    request,
                    place,
                    "it is published there " + (readOnly ? "for writing" : "read-only"));
        }
        return true;
    }
}
