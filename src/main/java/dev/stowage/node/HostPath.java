package dev.stowage.node;

import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/// A path of the kubelet as the kernel names it: the folder with all symlinks resolved, as
/// mountinfo shows it, and the last component untouched. What is there is not looked at: a dead
/// mount would hang or err.
record HostPath(Path folder, String name) {
    /// Empty where the folder does not exist, so that nothing can be there.
    static Optional<HostPath> find(Path path) throws IOException {
        var normal = path.toAbsolutePath().normalize();
        var parent = normal.getParent();
        var name = normal.getFileName();
        if (parent == null || name == null) {
            throw new VolumeException(
                    Reason.INVALID, "path '%s' is not one a volume can be at".formatted(path));
        }
        try {
            return Optional.of(new HostPath(parent.toRealPath(), name.toString()));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    /// @throws VolumeException FAILED_PRECONDITION where the folder does not exist
    static HostPath require(Path path) throws IOException {
        return find(path)
                .orElseThrow(
                        () ->
                                new VolumeException(
                                        Reason.FAILED_PRECONDITION,
                                        "the folder of path '%s' does not exist on this node: check that the driver sees the kubelet's folder"
                                                .formatted(path)));
    }

    Path path() {
        return folder.resolve(name);
    }

    @Override
    public String toString() {
        return path().toString();
    }
}
