package dev.stowage.node;

import dev.stowage.node.Connector.Connection;
import dev.stowage.volume.Attachment;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The ways in which this node reaches volumes: one connector for each kind of attachment.
public final class Connectors {
    private final LoopConnector loop;

    public Connectors(LoopConnector loop) {
        this.loop = loop;
    }

    Connection connect(Attachment attachment, int blockSizeBytes, boolean readOnly)
            throws IOException {
        return switch (attachment) {
            case Attachment.LoopFile file -> loop.connect(file.volume(), blockSizeBytes, readOnly);
        };
    }

    /// The devices of a volume whose attachment is not known (any more).
    List<BlockDevice> devices(VolumeId id) throws IOException {
        return loop.devices(id);
    }

    /// As [#devices(VolumeId)]; no id of ours, no device.
    List<BlockDevice> devices(Optional<VolumeId> id) throws IOException {
        return id.isPresent() ? devices(id.get()) : List.of();
    }

    /// The pool's volumes that are connected on this node, with their devices.
    Map<VolumeId, List<BlockDevice>> volumes(PoolId pool) throws IOException {
        return loop.volumes(pool);
    }

    /// The devices of all volumes of these pools on this node, also where the pools are not here.
    List<BlockDevice> devices(Set<String> poolTags) throws IOException {
        return loop.devices(poolTags);
    }
}
