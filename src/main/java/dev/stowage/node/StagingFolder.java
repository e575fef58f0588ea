package dev.stowage.node;

import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Path;

/// The folder at a staging path: a file system is mounted on it, a raw block device is bound to
/// the file `device` in it.
final class StagingFolder {
    static final String DEVICE = "device";
    private static final int MODE = 0750;

    private StagingFolder() {}

    static Path device(HostPath place) {
        return place.path().resolve(DEVICE);
    }

    /// Makes the last component if it is missing.
    ///
    /// @throws VolumeException FAILED_PRECONDITION if there is something that is not a folder
    static void make(HostPath place) throws IOException {
        try (var parent = Fd.open(place.folder(), OpenFlags.O_PATH | OpenFlags.O_DIRECTORY)) {
            if (!parent.mkdirAtIfAbsent(place.name(), MODE)) {
                requireFolder(place, parent);
            }
        }
    }

    private static void requireFolder(HostPath place, Fd parent) throws IOException {
        if (!parent.statAt(place.name()).isFolder()) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "staging path %s is not a folder: remove what is there".formatted(place));
        }
    }

    static VolumeException taken(VolumeId id, HostPath place, String why) {
        return new VolumeException(
                Reason.ALREADY_EXISTS,
                "volume %s can't be staged at %s: %s; unstage that first"
                        .formatted(id, place, why));
    }
}
