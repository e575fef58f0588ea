package dev.stowage.backend.file;

import dev.stowage.volume.ByteRange;
import java.io.IOException;
import java.util.Optional;

/// Looks for some kind of bytes in an image.
interface RangeFinder {
    /// The first such range at or behind `from`, which never moves back; it may end before the
    /// bytes of this kind do. Empty: there are none up to the end.
    Optional<ByteRange> next(long from) throws IOException;
}
