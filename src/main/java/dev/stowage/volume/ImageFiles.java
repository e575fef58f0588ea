package dev.stowage.volume;

import java.io.IOException;
import java.nio.file.Path;

/// A backend whose volumes are image files on a file system of this machine.
public interface ImageFiles {
    /// How the name begins that a node gives to a device of such an image.
    String DEVICE_NAME_PREFIX = "stowage:";

    /// The image of a volume. The path is for opening at once, not for keeping or handing on.
    ///
    /// @throws VolumeException NOT_FOUND if there is no such volume
    Path image(VolumeId id) throws IOException;

    /// To be asked after the image was opened for use and before anything is written to it; who
    /// copies it looks for users after it has begun, so that one of the two always sees the other.
    ///
    /// @throws VolumeException BUSY while the volume is copied byte by byte and must keep still
    void requireNotCopied(VolumeId id) throws IOException;

    /// Whether an image in which SEEK_DATA finds nothing has certainly never been written: tried
    /// out on this pool's own file system. Where it is false, nothing proves an image blank.
    boolean blankProvable();
}
