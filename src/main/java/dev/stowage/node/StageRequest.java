package dev.stowage.node;

import dev.stowage.spi.Attachment;
import dev.stowage.volume.Capability;
import dev.stowage.volume.Volume;
import java.nio.file.Path;

/// A volume that is to be made ready on this node.
///
/// @param stagingPath an absolute path whose folder exists; its last component may be missing
public record StageRequest(
        Volume volume, Attachment attachment, Path stagingPath, Capability capability) {
    /// Nothing is to be written through this node.
    boolean readOnly() {
        return attachment.readOnly() || capability.mode().readOnly();
    }
}
