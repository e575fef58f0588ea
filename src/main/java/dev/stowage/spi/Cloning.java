package dev.stowage.spi;

import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeId;
import dev.stowage.volume.VolumeSpec;
import java.io.IOException;

/// A backend whose volumes can begin with what a snapshot or another volume holds.
public interface Cloning {
    /// As [Backend#create(VolumeId, VolumeSpec)], with the content of `copySource` in place of
    /// zeros, and zeros behind it. The new volume is never formatted unless the source was blank:
    /// its [FormatState] follows from the source's.
    ///
    /// @param spec with `content()` saying what `copySource` is, and a size of at least the
    ///     source's
    /// @throws VolumeException also FAILED_PRECONDITION if the source is in use and can only be
    ///     copied while it is not
    Volume createFrom(VolumeId id, VolumeSpec spec, CopySource copySource) throws IOException;

    /// Opens a volume, for another that shall begin with what it holds.
    ///
    /// @throws VolumeException NOT_FOUND
    CopySource openVolume(VolumeId id) throws IOException;
}
