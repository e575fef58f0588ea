package dev.stowage.spi;

import dev.stowage.volume.BlockList;
import dev.stowage.volume.Snapshot;
import java.io.IOException;
import java.util.function.BooleanSupplier;

/// A backend that tells which blocks of its snapshots hold something, and which differ between two
/// snapshots of one volume, so that a backup reads only those. What it tells may be too much, never
/// too little. Ranges consist of whole blocks of [#BLOCK_BYTES], but where the caller's start or
/// the snapshot's end cuts one.
public interface ChangedBlocks {
    int BLOCK_BYTES = 4096;

    /// Lists what may hold anything but zeros.
    ///
    /// @param snapshot a ready one
    /// @param from where to begin; what ends before is left out, what begins before is cut
    /// @throws VolumeException NOT_FOUND if it is gone meanwhile
    BlockList allocated(Snapshot snapshot, long from) throws IOException;

    /// Lists what may differ, of the target's size: behind the end of a smaller base, what may hold
    /// anything but zeros.
    ///
    /// @param base a ready snapshot
    /// @param target a ready snapshot of the same volume
    /// @param stop asked now and then, also while nothing is found for long; true ends the list
    /// @throws VolumeException NOT_FOUND if one is gone meanwhile
    BlockList changed(Snapshot base, Snapshot target, long from, BooleanSupplier stop)
            throws IOException;
}
