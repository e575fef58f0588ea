package dev.stowage.node.device;

import dev.stowage.node.device.Connector.Connection;
import dev.stowage.spi.Attachment;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The ways in which this node reaches volumes: one connector for each kind of attachment.
public final class Connectors {
    private final LoopConnector loop;

    public Connectors(LoopConnector loop) {
        this.loop = loop;
    }

    public Connection connect(Attachment attachment, int blockSizeBytes, boolean readOnly)
            throws IOException {
        return switch (attachment) {
            case Attachment.LoopFile file -> loop.connect(file.volume(), blockSizeBytes, readOnly);
        };
    }

    /// As [Connector#devices(VolumeId)], of a volume whose attachment is not known (any more).
    public List<BlockDevice> devices(VolumeId id) throws IOException {
        return loop.devices(id);
    }

    /// As [Connector#find]; no id of ours, no device.
    public VolumeDevices find(Optional<VolumeId> id) throws IOException {
        return id.isPresent() ? find(id.get()) : VolumeDevices.NONE;
    }

    /// As [Connector#find].
    public VolumeDevices find(VolumeId id) throws IOException {
        return loop.find(id);
    }

    /// As [Connector#volumes].
    public Map<VolumeId, List<BlockDevice>> volumes(PoolId pool) throws IOException {
        return loop.volumes(pool);
    }
}
