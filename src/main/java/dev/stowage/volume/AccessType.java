package dev.stowage.volume;

import java.util.List;
import java.util.Optional;

/// What a pod sees: a mounted file system or a raw block device (CSI's VolumeCapability
/// access_type).
public sealed interface AccessType {
    /// A file system. `fileSystem` is empty when the caller leaves the choice to the volume's
    /// record or the pool; `flags` are mount options as an administrator wrote them, not yet
    /// checked.
    record Mount(Optional<FileSystemType> fileSystem, List<String> flags) implements AccessType {
        public Mount {
            flags = List.copyOf(flags);
        }
    }

    record Block() implements AccessType {}
}
