package dev.stowage.node.filesystem;

import dev.stowage.volume.FileSystemType;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;

/// What a device or an image was found to hold.
///
/// @param name in words, to stand after "holds"
/// @param fileSystem the file system that can be mounted, if it is one of ours
/// @param unpacking if what a disk has is packed in it: how to unpack it, `%s` being the file
public record Signature(
        String name, Optional<FileSystemType> fileSystem, Optional<String> unpacking) {
    private static final Pattern PLAIN = Pattern.compile("[\\w./+:@-]+");

    static Signature of(FileSystemType fileSystem) {
        return new Signature(fileSystem.kernelName(), Optional.of(fileSystem), Optional.empty());
    }

    static Signature foreign(String name) {
        return new Signature(name, Optional.empty(), Optional.empty());
    }

    static Signature packed(String name, String unpacking) {
        return new Signature(name, Optional.empty(), Optional.of(unpacking));
    }

    /// How to unpack this file, if it is packed.
    public Optional<String> unpacking(Path file) {
        return unpacking.map(how -> how.formatted(quoted(file.toString())));
    }

    /// As a shell wants it.
    private static String quoted(String path) {
        return PLAIN.matcher(path).matches() ? path : "'" + path.replace("'", "'\\''") + "'";
    }

    @Override
    public String toString() {
        return name;
    }
}
