package dev.stowage.backend.file;

import dev.stowage.linux.FileExtents.Extent;
import java.io.IOException;
import java.util.Optional;

/// Goes through an image's extents and the holes between them.
final class ExtentCursor {
    private final Source source;
    private Optional<Extent> current = Optional.empty();
    private boolean ended;

    /// Gives extents in order, then nothing.
    interface Source {
        Optional<Extent> next() throws IOException;
    }

    ExtentCursor(Source source) {
        this.source = source;
    }

    /// What lies at an offset, and up to where it goes on.
    ///
    /// @param extent what holds it; empty: zeros, there is nothing or it was never written
    record Piece(Optional<Extent> extent, long end) {
        boolean zeros() {
            return extent.isEmpty();
        }
    }

    /// The piece at `offset`, which never moves back.
    Piece at(long offset) throws IOException {
        while (!ended && (current.isEmpty() || current.get().end() <= offset)) {
            current = source.next();
            ended = current.isEmpty();
        }
        if (current.isEmpty()) {
            return new Piece(Optional.empty(), Long.MAX_VALUE);
        }
        var extent = current.get();
        if (offset < extent.offset()) {
            return new Piece(Optional.empty(), extent.offset());
        }
        return new Piece(current.filter(e -> !e.unwritten()), extent.end());
    }
}
