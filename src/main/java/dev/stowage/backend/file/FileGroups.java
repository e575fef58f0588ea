package dev.stowage.backend.file;

import dev.stowage.linux.ErrnoException;
import dev.stowage.spi.Backend;
import dev.stowage.spi.Freezer;
import dev.stowage.spi.GroupSnapshots;
import dev.stowage.volume.GroupId;
import dev.stowage.volume.GroupSnapshot;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The group snapshots of a file pool. Members are made like other snapshots, but count only once
/// the group's record names them: its link is the commit, its removal the delete.
final class FileGroups {
    private static final Logger LOG = LoggerFactory.getLogger(FileGroups.class);

    private final OpenPool open;
    private final VolumeStore volumes;
    private final FileSnapshots snapshots;
    private final Trash disposal;
    private final CapacityCheck capacity;

    FileGroups(
            OpenPool open,
            VolumeStore volumes,
            FileSnapshots snapshots,
            Trash disposal,
            CapacityCheck capacity) {
        this.open = open;
        this.volumes = volumes;
        this.snapshots = snapshots;
        this.disposal = disposal;
        this.capacity = capacity;
    }

    Optional<GroupSnapshot> find(GroupId id) throws IOException {
        var group = snapshots.groups().find(id);
        if (group.isEmpty()) {
            return Optional.empty();
        }
        var members = new ArrayList<Snapshot>();
        for (var member : group.get().members()) {
            members.add(snapshots.store().find(member).orElseThrow(() -> incomplete(id, member)));
        }
        return Optional.of(
                new GroupSnapshot(id, group.get().name(), members, group.get().created()));
    }

    private static VolumeException incomplete(GroupId id, SnapshotId member) {
        return new VolumeException(
                Reason.DAMAGED,
                "group snapshot %s lacks its member %s: restore that from a backup, or delete the group"
                        .formatted(id, member));
    }

    GroupSnapshot create(GroupId id, String name, List<VolumeId> sources, Freezer freezer)
            throws IOException {
        open.rescan().ifOthersChangedThePool();
        if (snapshots.groups().find(id).isPresent()) {
            if (!open.readOnly()) {
                snapshots.groups().sync();
            }
            resume(id);
        } else {
            open.requireBuilding();
            var wanted = wanted(id, name, sources);
            for (var member : wanted) {
                clear(member.id());
            }
            build(id, name, wanted, freezer);
        }
        return find(id).orElseThrow(
                        () ->
                                new VolumeException(
                                        Reason.BUSY,
                                        "group snapshot %s comes and goes; retry".formatted(id)));
    }

    private void resume(GroupId id) throws IOException {
        for (var member : snapshots.groups().find(id).orElseThrow().members()) {
            var stored = snapshots.store().stored(member);
            if (stored.isPresent()) {
                snapshots.resume(member, stored.get());
            }
        }
    }

    private List<SnapshotBuilder.Wanted> wanted(GroupId id, String name, List<VolumeId> sources)
            throws IOException {
        var wanted = new ArrayList<SnapshotBuilder.Wanted>();
        for (var source : sources.stream().sorted().toList()) {
            Volume volume =
                    volumes.find(source).orElseThrow(() -> Backend.noSuchVolume(source.toString()));
            var member = GroupSnapshots.memberName(name, source);
            wanted.add(
                    new SnapshotBuilder.Wanted(
                            SnapshotId.of(open.identity(), member),
                            member,
                            volume,
                            Optional.of(id)));
        }
        return wanted;
    }

    private void build(
            GroupId id, String name, List<SnapshotBuilder.Wanted> wanted, Freezer freezer)
            throws IOException {
        var members = new ArrayList<GroupMember>();
        var made = false;
        try {
            for (var each : wanted) {
                members.add(GroupMember.begin(open, snapshots, capacity, each));
            }
            var at = new GroupCut(open, id, members).cut(freezer);
            commit(new GroupStore.Group(id, name, ids(members), at), members);
            made = true;
            members.forEach(GroupMember::committed);
        } catch (ErrnoException e) {
            throw CapacityCheck.explained(e, open.folder().root());
        } finally {
            if (!made) {
                takeBack(members);
            }
            members.forEach(GroupMember::close);
        }
    }

    private static List<SnapshotId> ids(List<GroupMember> members) {
        return members.stream().map(member -> member.wanted().id()).toList();
    }

    private void commit(GroupStore.Group group, List<GroupMember> members) throws IOException {
        for (var member : members) {
            member.rename();
        }
        open.durable().sync(open.folders().snapshots());
        if (!snapshots.groups().add(group)) {
            throw new VolumeException(
                    Reason.BUSY,
                    "another driver makes group snapshot %s; retry".formatted(group.id()));
        }
    }

    /// What fails here is cleared by the next start, and counts for nothing until then.
    private void takeBack(List<GroupMember> members) {
        for (var member : members) {
            try {
                member.takeBack();
                clear(member.wanted().id());
            } catch (IOException | RuntimeException e) {
                LOG.warn("{} is left for the next start to clear", member.wanted().id(), e);
            }
        }
    }

    /// Removes what a driver that is gone has made for a group that never came to be, or is no
    /// more.
    private void clear(SnapshotId id) throws IOException {
        var left = snapshots.store().inFolder(id);
        if (left.isEmpty() || snapshots.store().stored(id).isPresent()) {
            return;
        }
        var maker = SnapshotRecord.maker(left.get());
        if (maker.isPresent() && !open.mayTakeOver(maker.get())) {
            throw new VolumeException(
                    Reason.BUSY,
                    "driver %s makes snapshot %s, or was killed at it on another node: retry"
                            .formatted(maker.get(), id));
        }
        disposal.put(id, open.nonces().of(id));
    }

    /// Clears what earlier drivers left of groups.
    void clearLeftovers() throws IOException {
        for (var id : snapshots.store().ids()) {
            try {
                clear(id);
            } catch (VolumeException | IOException e) { // damaged, another driver's, or no space
                LOG.info("snapshot {} is left as it is: {}", id, e.getMessage());
            }
        }
    }
}
