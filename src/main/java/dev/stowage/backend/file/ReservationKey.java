package dev.stowage.backend.file;

import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.VolumeId;

/// What capacity is reserved for.
///
/// @param name the name of its folder
record ReservationKey(Part part, String name) {
    /// Where it lies in the pool.
    enum Part {
        VOLUMES(PoolFolder.VOLUMES),
        SNAPSHOTS(PoolFolder.SNAPSHOTS),
        INCOMING(PoolFolder.INCOMING),
        TRASH(PoolFolder.TRASH);

        private final String folder;

        Part(String folder) {
            this.folder = folder;
        }

        String folder() {
            return folder;
        }
    }

    static ReservationKey of(VolumeId id) {
        return new ReservationKey(Part.VOLUMES, id.toString());
    }

    static ReservationKey of(SnapshotId id) {
        return new ReservationKey(Part.SNAPSHOTS, id.toString());
    }

    /// A volume or snapshot that is being built.
    static ReservationKey build(String nonce) {
        return new ReservationKey(Part.INCOMING, nonce);
    }

    /// A volume or snapshot that is deleted, and not erased yet.
    static ReservationKey trash(String nonce) {
        return new ReservationKey(Part.TRASH, nonce);
    }

    boolean isBuild() {
        return part == Part.INCOMING;
    }

    boolean isBuildOf(Instance maker) {
        return isBuild() && Instance.makerOf(name).filter(maker::equals).isPresent();
    }
}
