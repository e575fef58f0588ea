package dev.stowage.spi;

import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.time.Duration;
import java.util.List;

/// Stops what is written to the volumes that this machine has mounted, for a short time.
public interface Freezer {
    /// Writes out what is in memory for each of the volumes, and then lets no write to any of them
    /// through. Every volume is frozen when this returns, or none after an error. A volume that is
    /// only read needs no freeze and has none. Whatever happens to this process, they are thawed
    /// when `bound` is over.
    ///
    /// @param volumes which this machine has attached
    /// @throws VolumeException FAILED_PRECONDITION if one is used as a raw block device, or where
    ///     this driver does not reach its file system; BUSY while one is being staged or unstaged,
    ///     or frozen by others
    Frozen freeze(List<VolumeId> volumes, Duration bound) throws IOException;

    /// Volumes that are frozen.
    interface Frozen extends AutoCloseable {
        /// Ends it.
        ///
        /// @throws VolumeException BUSY if it had ended before, for one of them at least: what was
        ///     read meanwhile may be of several moments
        void thaw() throws IOException;

        /// Thaws what is still frozen.
        @Override
        void close();
    }
}
