package dev.stowage.node;

import dev.stowage.spi.Attachment;
import dev.stowage.volume.Capability;
import dev.stowage.volume.VolumeId;
import java.nio.file.Path;

/// A staged volume that is to be shown to a pod.
///
/// @param targetPath an absolute path whose folder exists; its last component is made
/// @param readOnly the pod may only read
public record PublishRequest(
        VolumeId volume,
        Attachment attachment,
        Path stagingPath,
        Path targetPath,
        Capability capability,
        boolean readOnly) {
    /// Nothing is to be written through this target, for whichever reason.
    boolean readsOnly() {
        return readOnly || attachment.readOnly() || capability.mode().readOnly();
    }
}
