package dev.stowage.backend.file;

import dev.stowage.volume.GroupId;
import dev.stowage.volume.SnapshotId;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/// The records of groups: `groups/<id>.json`. While it is there, the group and all its members are.
final class GroupStore {
    private static final String MEMBERS = "members";

    private final PoolFolder pool;
    private final Durable durable;

    GroupStore(PoolFolder pool, Durable durable) {
        this.pool = pool;
        this.durable = durable;
    }

    /// @param members in the order of their sources' ids
    record Group(GroupId id, String name, List<SnapshotId> members, Instant created) {}

    Optional<Group> find(GroupId id) throws IOException {
        var found = StoredRecord.readIfThere(pool.group(id));
        if (found.isEmpty()) {
            return Optional.empty();
        }
        var stored = found.get();
        if (!stored.text("id").equals(id.toString())) {
            throw stored.damaged("it is of another group, '%s'".formatted(stored.text("id")));
        }
        var members =
                stored.texts(MEMBERS).stream()
                        .map(
                                text ->
                                        SnapshotId.parse(text)
                                                .orElseThrow(
                                                        () ->
                                                                stored.damaged(
                                                                        "'%s' is no snapshot's id"
                                                                                .formatted(text))))
                        .toList();
        return Optional.of(
                new Group(id, stored.text("name"), members, VolumeRecord.created(stored)));
    }

    boolean names(GroupId id, SnapshotId member) throws IOException {
        return find(id).filter(group -> group.members().contains(member)).isPresent();
    }

    /// Makes the group real; its members must be durable. False if it exists already.
    boolean add(Group group) throws IOException {
        var file = pool.group(group.id());
        return durable.makeIfAbsent(
                file,
                StoredRecord.blank(file)
                        .with("id", group.id().toString())
                        .with("name", group.name())
                        .with("created", group.created().toString())
                        .with(MEMBERS, group.members().stream().map(SnapshotId::toString).toList())
                        .bytes());
    }

    /// From here on there is neither the group nor any of its members.
    void remove(GroupId id) throws IOException {
        Files.deleteIfExists(pool.group(id));
        sync();
    }

    void sync() throws IOException {
        durable.syncFolder(pool.groups());
    }
}
