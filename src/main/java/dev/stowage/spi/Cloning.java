package dev.stowage.spi;

import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeId;
import dev.stowage.volume.VolumeSpec;
import java.io.IOException;

/// A backend whose volumes can begin with what a snapshot or another volume holds.
public interface Cloning {
    /// As [Backend#create(VolumeId, VolumeSpec)], with the content of `origin` in place of zeros,
    /// and zeros behind it. The new volume is never formatted unless the origin was blank: its
    /// [FormatState] follows from the origin's.
    ///
    /// @param spec with `content()` saying what `origin` is, and a size of at least the origin's
    /// @throws VolumeException also FAILED_PRECONDITION if the origin is in use and can only be
    ///     copied while it is not
    Volume createFrom(VolumeId id, VolumeSpec spec, Origin origin) throws IOException;

    /// Opens a volume, for another that shall begin with what it holds.
    ///
    /// @throws VolumeException NOT_FOUND
    Origin openVolume(VolumeId id) throws IOException;
}
