package dev.stowage.backend.file;

import dev.stowage.volume.FormatState;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What the pool's folder says of its snapshots.
final class SnapshotStore {
    private static final Logger LOG = LoggerFactory.getLogger(SnapshotStore.class);

    private final PoolFolder pool;
    private final GroupStore groups;

    SnapshotStore(PoolFolder pool, GroupStore groups) {
        this.pool = pool;
        this.groups = groups;
    }

    /// The ids of the snapshots that are there, in order; some may be members of no group yet, or
    /// no longer, which are none.
    List<SnapshotId> ids() throws IOException {
        try (var entries = Files.list(pool.snapshots())) {
            return entries.flatMap(entry -> SnapshotId.parse(VolumeStore.fileName(entry)).stream())
                    .sorted()
                    .toList();
        }
    }

    Optional<Snapshot> find(SnapshotId id) throws IOException {
        return stored(id).map(record -> SnapshotRecord.snapshot(record, id));
    }

    /// The record as it is stored; empty if there is no such snapshot. A member of a group is one
    /// only if the group's record names it.
    Optional<StoredRecord> stored(SnapshotId id) throws IOException {
        var found = inFolder(id);
        if (found.isEmpty()) {
            return found;
        }
        var group = SnapshotRecord.group(found.get());
        return group.isEmpty() || groups.names(group.get(), id) ? found : Optional.empty();
    }

    /// The record of what lies in the snapshot's folder, whether it counts or not.
    Optional<StoredRecord> inFolder(SnapshotId id) throws IOException {
        var folder = pool.snapshot(id);
        return StoredRecord.readIn(folder.path(), folder.record());
    }

    FormatState formatState(SnapshotId id) throws IOException {
        return FormatRecord.state(StoredRecord.read(pool.snapshot(id).format()));
    }

    List<Snapshot> list(Optional<VolumeId> source, Optional<SnapshotId> after, int limit)
            throws IOException {
        var listed = new ArrayList<Snapshot>();
        for (var id : ids()) {
            if (listed.size() == limit) {
                break;
            }
            if (after.isEmpty() || id.compareTo(after.get()) > 0) {
                readable(id)
                        .filter(s -> source.isEmpty() || source.get().equals(s.source()))
                        .ifPresent(listed::add);
            }
        }
        return listed;
    }

    private Optional<Snapshot> readable(SnapshotId id) throws IOException {
        try {
            return find(id);
        } catch (VolumeException e) {
            LOG.warn("snapshot {} is left out of the list: {}", id, e.getMessage());
            return Optional.empty();
        }
    }
}
