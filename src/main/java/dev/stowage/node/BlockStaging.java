package dev.stowage.node;

import dev.stowage.linux.Fd;
import dev.stowage.linux.Mounts;
import dev.stowage.linux.OpenFlags;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.node.device.Connectors;
import dev.stowage.node.device.Whole;
import dev.stowage.node.filesystem.Attributes;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;

/// Stages a volume as a raw block device: connect, and bind the device's node into the staging
/// folder, so that mountinfo says it is staged.
final class BlockStaging {
    private final Connectors connectors;

    BlockStaging(Connectors connectors) {
        this.connectors = connectors;
    }

    /// @param mounts what is mounted of the volume now
    void stage(StageRequest request, HostPath place, VolumeMounts mounts) throws IOException {
        var readOnly = request.readOnly();
        if (isStaged(request, place, mounts, readOnly)) {
            return;
        }
        requireNoFileSystem(request, place, mounts);
        StagingFolder.make(place);
        var connection =
                connectors.connect(
                        request.attachment(), request.volume().blockSizeBytes(), readOnly);
        try {
            Whole.require(request.volume(), connection.device());
            bind(connection.device(), place, readOnly);
        } catch (IOException | RuntimeException e) {
            Undo.release(connection, e);
            throw e;
        }
    }

    private static void bind(BlockDevice device, HostPath place, boolean readOnly)
            throws IOException {
        var inside = new HostPath(place.path(), StagingFolder.DEVICE);
        try (var target = Target.file(inside);
                var source = Fd.open(device.path(), OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW)) {
            try {
                OneMount.make(
                        inside.path(),
                        () -> Mounts.bind(source, target.fd(), Attributes.device(readOnly)));
            } catch (IOException | RuntimeException e) {
                target.undo(e);
                throw e;
            }
        }
    }

    private static boolean isStaged(
            StageRequest request, HostPath place, VolumeMounts mounts, boolean readOnly)
            throws IOException {
        var id = request.volume().id();
        if (!mounts.at(place.path()).isEmpty()) {
            throw StagingFolder.taken(id, place, "something is mounted there as a file system");
        }
        var there = mounts.at(StagingFolder.device(place));
        if (there.isEmpty()) {
            return false;
        }
        if (there.size() > 1 || !mounts.isNode(there.getFirst())) {
            throw StagingFolder.taken(id, place, "the device of something else is there");
        }
        if (there.getFirst().readOnly() != readOnly) {
            throw StagingFolder.taken(
                    id, place, "it is staged there " + (readOnly ? "for writing" : "read-only"));
        }
        return true;
    }

    private static void requireNoFileSystem(
            StageRequest request, HostPath place, VolumeMounts mounts) throws IOException {
        for (var other : mounts.except(place.path())) {
            if (mounts.isFileSystem(other)) {
                throw new VolumeException(
                        Reason.FAILED_PRECONDITION,
                        "volume %s is in use as a file system at %s: end that use first"
                                .formatted(request.volume().id(), other.path()));
            }
        }
    }
}
