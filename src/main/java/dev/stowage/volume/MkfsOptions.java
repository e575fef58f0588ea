package dev.stowage.volume;

import java.util.List;

/// Options for mkfs that an administrator may set in a StorageClass.
public final class MkfsOptions {
    private MkfsOptions() {}

    /// @throws VolumeException INVALID naming the first option that is not known to be safe
    public static void check(FileSystemType fileSystem, List<String> options) {}
}
