package dev.stowage.node;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Linux;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/// A path of the kubelet as the kernel names it: the folder with all symlinks resolved, as
/// mountinfo shows it, and the last component untouched. What is there is not looked at: a dead
/// mount would hang or err.
record HostPath(Path folder, String name) {
    /// The longest name of a file (NAME_MAX, linux/limits.h).
    private static final int NAME_BYTES = 255;

    /// Empty where nothing can be mounted: the folder does not exist, is a file, or has a file
    /// above it; its symlinks lead nowhere; a name is too long for any file.
    static Optional<HostPath> find(Path path) throws IOException {
        var normal = path.toAbsolutePath().normalize();
        var parent = normal.getParent();
        var name = normal.getFileName();
        if (parent == null || name == null) {
            throw new VolumeException(
                    Reason.INVALID, "path '%s' is not one a volume can be at".formatted(path));
        }
        try {
            var folder = parent.toRealPath();
            var possible =
                    Linux.lstat(folder).isFolder()
                            && name.toString().getBytes(UTF_8).length <= NAME_BYTES;
            return possible ? Optional.of(new HostPath(folder, name.toString())) : Optional.empty();
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (FileSystemException e) {
            if (leadsNowhere(parent)) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private static boolean leadsNowhere(Path parent) {
        try {
            Linux.stat(parent);
            return false;
        } catch (ErrnoException e) {
            return e.is(Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP, Errno.ENAMETOOLONG);
        }
    }

    /// @throws VolumeException FAILED_PRECONDITION where nothing can be mounted
    static HostPath require(Path path) throws IOException {
        return find(path)
                .orElseThrow(
                        () ->
                                new VolumeException(
                                        Reason.FAILED_PRECONDITION,
                                        "the folder of path '%s' does not exist on this node or is not a folder: check that the driver sees the kubelet's folder"
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
