package dev.stowage.spi;

import dev.stowage.volume.GroupId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/// A backend that keeps snapshots of its volumes, in the same pool. Blocking, idempotent and
/// crash-safe as [Backend] is.
public interface Snapshots {
    /// Makes a snapshot of what the volume holds now: all that was synced in it before the call is
    /// in it, and what is in it is what a power cut at one moment would have left. When this
    /// returns, that moment is over and the snapshot durable; it may not be ready yet, while its
    /// bytes are being copied, and becomes so by itself, also over a restart of the driver. Until
    /// then the volume can't be attached, grown or deleted. If `id` exists already, returns that
    /// snapshot unchanged, whatever it is of: the caller compares.
    ///
    /// Where bytes must be copied, a volume that this machine has mounted is copied before this
    /// returns, frozen meanwhile, if `freeze` allows it. One that was frozen in vain is not frozen
    /// for the same snapshot again, unless for longer: callers retry what failed.
    ///
    /// @throws VolumeException NOT_FOUND if there is no such volume; NO_SPACE if the pool can't
    ///     reserve as much again; FAILED_PRECONDITION if the volume is in use and can only be
    ///     copied while it is not, or was not copied before the freeze had to end; BUSY while
    ///     another volume of the pool is frozen for its copy
    Snapshot createSnapshot(
            SnapshotId id, String name, VolumeId source, Optional<FreezePermit> freeze)
            throws IOException;

    /// As [#createSnapshot(SnapshotId, String, VolumeId, Optional)], never freezing.
    default Snapshot createSnapshot(SnapshotId id, String name, VolumeId source)
            throws IOException {
        return createSnapshot(id, name, source, Optional.empty());
    }

    /// Deletes the snapshot for good, ready or not. No such snapshot: nothing happens.
    ///
    /// @throws VolumeException FAILED_PRECONDITION while a volume is being made from it; INVALID if
    ///     it is a member of a group
    void deleteSnapshot(SnapshotId id) throws IOException;

    /// @throws VolumeException DAMAGED if it is there but its record can't be understood
    Optional<Snapshot> findSnapshot(SnapshotId id) throws IOException;

    /// Snapshots in order of their ids, from the first one after `after`, at most `limit`. Stable
    /// while snapshots come and go. Damaged ones are left out, and logged.
    ///
    /// @param source only those of this volume
    List<Snapshot> listSnapshots(Optional<VolumeId> source, Optional<SnapshotId> after, int limit)
            throws IOException;

    /// Opens a snapshot, for a volume that shall begin with it.
    ///
    /// @throws VolumeException NOT_FOUND; BUSY while it is not ready
    CopySource openSnapshot(SnapshotId id) throws IOException;

    static VolumeException noSuchSnapshot(String id) {
        return new VolumeException(Reason.NOT_FOUND, "there is no snapshot '%s'".formatted(id));
    }

    static VolumeException isMember(SnapshotId id, GroupId group) {
        return new VolumeException(
                Reason.INVALID,
                "snapshot %s is a member of group snapshot %s and goes only with it: delete that"
                        .formatted(id, group));
    }
}
