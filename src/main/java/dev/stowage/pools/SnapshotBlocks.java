package dev.stowage.pools;

import dev.stowage.spi.Backend;
import dev.stowage.spi.ChangedBlocks;
import dev.stowage.spi.Snapshots;
import dev.stowage.volume.BlockList;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.util.function.BooleanSupplier;

/// Which blocks of snapshots hold something or differ, in all pools.
public final class SnapshotBlocks {
    private final Pools pools;

    public SnapshotBlocks(Pools pools) {
        this.pools = pools;
    }

    /// Blocks of a snapshot.
    ///
    /// @param volumeBytes the size of what the snapshot holds
    public record Listed(long volumeBytes, BlockList blocks) implements AutoCloseable {
        @Override
        public void close() {
            blocks.close();
        }
    }

    /// Whether some pool can tell.
    public boolean possible() {
        return pools.give(ChangedBlocks.class);
    }

    /// As [ChangedBlocks#allocated].
    ///
    /// @throws VolumeException NOT_FOUND; FAILED_PRECONDITION if it is not ready or its pool can't
    ///     tell; OUT_OF_RANGE if `from` lies outside of it
    public Listed allocated(SnapshotId id, long from) throws IOException {
        var backend = pools.holding(id);
        var snapshot = require(backend, id);
        requireWithin(snapshot, from);
        return new Listed(snapshot.sizeBytes(), power(backend).allocated(snapshot, from));
    }

    /// As [ChangedBlocks#changed].
    ///
    /// @throws VolumeException also INVALID if they are of two volumes
    public Listed changed(SnapshotId baseId, SnapshotId targetId, long from, BooleanSupplier stop)
            throws IOException {
        var backend = pools.holding(targetId);
        var base = require(pools.holding(baseId), baseId);
        var target = require(backend, targetId);
        if (!base.source().equals(target.source())) {
            throw new VolumeException(
                    Reason.INVALID,
                    "snapshot %s is of volume %s, snapshot %s of volume %s: only two of one volume can be compared"
                            .formatted(baseId, base.source(), targetId, target.source()));
        }
        requireWithin(target, from);
        return new Listed(target.sizeBytes(), power(backend).changed(base, target, from, stop));
    }

    private static Snapshot require(Backend backend, SnapshotId id) throws IOException {
        if (!(backend instanceof Snapshots snapshots)) {
            throw Snapshots.noSuchSnapshot(id.toString());
        }
        var snapshot =
                snapshots
                        .findSnapshot(id)
                        .orElseThrow(() -> Snapshots.noSuchSnapshot(id.toString()));
        if (!snapshot.ready()) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "snapshot %s is not ready, its bytes are still being copied: ask again when it is"
                            .formatted(id));
        }
        return snapshot;
    }

    private static ChangedBlocks power(Backend backend) {
        if (backend instanceof ChangedBlocks blocks) {
            return blocks;
        }
        throw new VolumeException(
                Reason.FAILED_PRECONDITION,
                "pool %s can't tell which blocks hold something or differ: read the whole volume"
                        .formatted(backend.pool().name()));
    }

    private static void requireWithin(Snapshot snapshot, long from) {
        if (from < 0 || from > snapshot.sizeBytes()) {
            throw new VolumeException(
                    Reason.OUT_OF_RANGE,
                    "starting_offset %d is not within snapshot %s of %d bytes"
                            .formatted(from, snapshot.id(), snapshot.sizeBytes()));
        }
    }
}
