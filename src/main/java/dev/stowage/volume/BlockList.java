package dev.stowage.volume;

import java.io.IOException;
import java.util.Optional;

/// An open list of blocks of a snapshot, made while it is read, whatever its length. Its ranges are
/// in order and neither overlap nor touch. It can be read to its end whatever becomes of the
/// snapshot meanwhile. For one thread.
public interface BlockList extends AutoCloseable {
    /// The next range; empty at the end.
    ///
    /// @throws java.io.InterruptedIOException if it was told to stop
    Optional<ByteRange> next() throws IOException;

    @Override
    void close();
}
