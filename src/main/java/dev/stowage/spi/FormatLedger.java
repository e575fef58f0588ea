package dev.stowage.spi;

import dev.stowage.volume.FormatState;
import dev.stowage.volume.VolumeId;
import java.io.IOException;

/// Remembers, durably and beside the volume itself, how far its format has come, so that no disk is
/// ever formatted because it merely looks blank. Implemented by backends whose records a node can
/// reach.
public interface FormatLedger {
    /// @throws VolumeException NOT_FOUND if there is no such volume, DAMAGED if the entry can't be
    ///     read as one
    FormatState formatState(VolumeId id) throws IOException;

    /// Durable when it returns.
    void recordFormat(VolumeId id, FormatState state) throws IOException;
}
