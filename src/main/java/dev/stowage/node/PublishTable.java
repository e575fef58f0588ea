package dev.stowage.node;

import dev.stowage.linux.MountPoint;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/// The specification's table for a second NodePublishVolume of one volume on one node (CSI 1.13,
/// "NodePublishVolume", the table for plugins with SINGLE_NODE_MULTI_WRITER).
final class PublishTable {
    private PublishTable() {}

    /// @throws VolumeException FAILED_PRECONDITION if the access mode allows one target and there
    ///     is another
    static void check(PublishRequest request, VolumeMounts mounts, HostPath place)
            throws IOException {
        var severalTargets =
                switch (request.capability().mode()) {
                    case SINGLE_NODE_MULTI_WRITER,
                            MULTI_NODE_READER_ONLY,
                            MULTI_NODE_SINGLE_WRITER,
                            MULTI_NODE_MULTI_WRITER ->
                            true;
                    case SINGLE_NODE_WRITER, SINGLE_NODE_READER_ONLY, SINGLE_NODE_SINGLE_WRITER ->
                            false;
                };
        if (severalTargets) {
            return;
        }
        var others = published(mounts, place);
        if (!others.isEmpty()) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "volume %s is published at %s already, and access mode %s allows one target: unpublish it there, or use SINGLE_NODE_MULTI_WRITER"
                            .formatted(
                                    request.volume(),
                                    others.getFirst().path(),
                                    request.capability().mode()));
        }
    }

    private static List<MountPoint> published(VolumeMounts mounts, HostPath place)
            throws IOException {
        var published = new ArrayList<MountPoint>();
        for (var mount : mounts.except(place.path())) {
            if (!VolumeMounts.isStaging(mount) && !VolumeMounts.isStagedNode(mount)) {
                published.add(mount);
            }
        }
        return published;
    }

    static VolumeException taken(PublishRequest request, HostPath place, String why) {
        return new VolumeException(
                Reason.ALREADY_EXISTS,
                "volume %s can't be published at %s: %s; unpublish that first"
                        .formatted(request.volume(), place, why));
    }
}
