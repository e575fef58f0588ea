package dev.stowage.node;

import dev.stowage.volume.FileSystemType;
import java.util.Optional;

/// What a device was found to hold.
///
/// @param name in words, to stand after "holds"
/// @param fileSystem the file system that can be mounted, if it is one of ours
public record Signature(String name, Optional<FileSystemType> fileSystem) {
    static Signature of(FileSystemType fileSystem) {
        return new Signature(fileSystem.kernelName(), Optional.of(fileSystem));
    }

    static Signature foreign(String name) {
        return new Signature(name, Optional.empty());
    }

    @Override
    public String toString() {
        return name;
    }
}
