package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_DIRECTORY;

import dev.stowage.linux.Fd;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.GroupId;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What the pool's folder says of its snapshots.
final class SnapshotStore {
    private static final Logger LOG = LoggerFactory.getLogger(SnapshotStore.class);

    /// About 1 KiB of memory each.
    private static final int MOST_KEPT = 16 << 10;

    private final OpenPool open;
    private final PoolFolder pool;
    private final GroupStore groups;
    private final UnchangedFiles<String, List<SnapshotId>> listedNames;
    private final UnchangedFiles<SnapshotId, Snapshot> listedRecords;
    private final UnchangedFiles<GroupId, Set<SnapshotId>> listedGroups;

    SnapshotStore(OpenPool open, GroupStore groups) {
        this.open = open;
        this.pool = open.folder();
        this.groups = groups;
        listedNames = new UnchangedFiles<>(1, open.times());
        listedRecords = new UnchangedFiles<>(MOST_KEPT, open.times());
        listedGroups = new UnchangedFiles<>(MOST_KEPT, open.times());
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

    /// As [#find] for each; records that have not changed since the last list are not read again.
    List<Snapshot> list(Optional<VolumeId> source, Optional<SnapshotId> after, int limit)
            throws IOException {
        try (var folder = Fd.open(pool.snapshots(), O_DIRECTORY)) {
            var ids =
                    listedNames
                            .read("", folder.versionAt(".").stream().toList(), this::present)
                            .orElseThrow();
            var listed = new ArrayList<Snapshot>();
            for (var id : VolumeList.following(ids, after)) {
                if (listed.size() == limit) {
                    break;
                }
                readable(folder, id)
                        .filter(s -> source.isEmpty() || source.get().equals(s.source()))
                        .ifPresent(listed::add);
            }
            return listed;
        }
    }

    private Optional<List<SnapshotId>> present() throws IOException {
        var ids = ids();
        listedRecords.retain(Set.copyOf(ids));
        listedGroups.retain(Set.of()); // few, and not known by their members' names
        return Optional.of(ids);
    }

    private Optional<Snapshot> readable(Fd folder, SnapshotId id) throws IOException {
        try {
            var record = folder.versionAt(id + "/" + SnapshotFolder.RECORD).stream().toList();
            var snapshot = listedRecords.read(id, record, () -> recorded(id));
            var group = snapshot.flatMap(Snapshot::group);
            return group.isEmpty() || members(folder, group.get()).contains(id)
                    ? snapshot
                    : Optional.empty();
        } catch (VolumeException e) {
            LOG.warn("snapshot {} is left out of the list: {}", id, e.getMessage());
            return Optional.empty();
        } catch (IOException e) {
            Examination.requireStillThere(open);
            LOG.warn("snapshot {} can't be read and is left out of the list", id, e);
            return Optional.empty();
        }
    }

    private Optional<Snapshot> recorded(SnapshotId id) throws IOException {
        return inFolder(id).map(record -> SnapshotRecord.snapshot(record, id));
    }

    /// Of a group that is not there: none.
    private Set<SnapshotId> members(Fd folder, GroupId id) throws IOException {
        var version = folder.versionAt("../" + pool.root().relativize(pool.group(id)));
        return listedGroups
                .read(
                        id,
                        version.stream().toList(),
                        () -> groups.find(id).map(g -> Set.copyOf(g.members())))
                .orElse(Set.of());
    }
}
