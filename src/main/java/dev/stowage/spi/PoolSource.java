package dev.stowage.spi;

import java.io.IOException;
import java.util.Optional;

/// Opens one configured pool.
public interface PoolSource {
    /// The tag under which this pool was open before on this machine, so that its ids are
    /// recognised while it is sick.
    Optional<String> knownTag();

    /// Whether the backend that this opens has the power, such as [Snapshots]; known also while the
    /// pool can't be opened.
    default boolean gives(Class<?> power) {
        return false;
    }

    /// Opens the pool and takes it for this process.
    ///
    /// @throws VolumeException NO_SPACE if this machine simply does not have the pool; UNAVAILABLE
    ///     if it should but the pool can't be used, with the reason and the remedy
    Backend open() throws IOException;
}
