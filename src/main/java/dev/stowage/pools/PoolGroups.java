package dev.stowage.pools;

import dev.stowage.spi.Backend;
import dev.stowage.spi.Freezer;
import dev.stowage.spi.GroupSnapshots;
import dev.stowage.volume.GroupId;
import dev.stowage.volume.GroupSnapshot;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.Topology;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Group snapshots of all pools. A group lies in one pool, that of its volumes.
public final class PoolGroups {
    /// More could not be cut within the time for which a database may stand still.
    private static final int MAX_MEMBERS = 64;

    private final Pools pools;
    private final NodeId node;
    private final Freezer freezer;

    public PoolGroups(Pools pools, NodeId node, Freezer freezer) {
        this.pools = pools;
        this.node = node;
        this.freezer = freezer;
    }

    /// Whether some pool can make groups.
    public boolean possible() {
        return pools.give(GroupSnapshots.class);
    }

    private Backend onePool(List<VolumeId> sources) {
        if (sources.size() > MAX_MEMBERS) {
            throw new VolumeException(
                    Reason.INVALID,
                    "%d volumes are too many for one group: at most %d"
                            .formatted(sources.size(), MAX_MEMBERS));
        }
        var first = pools.holding(sources.getFirst());
        for (var source : sources) {
            if (pools.holding(source) != first) {
                throw new VolumeException(
                        Reason.FAILED_PRECONDITION,
                        "volumes %s and %s lie in different pools: a group is of volumes of one pool"
                                .formatted(sources.getFirst(), source));
            }
        }
        return first;
    }

    /// A group that is asked for, in the pool of its volumes.
    ///
    /// @param id that it has, or will have
    public record Wanted(GroupSnapshots groups, GroupId id, String name, List<VolumeId> sources) {
        public Wanted {
            sources = List.copyOf(sources);
        }
    }

    /// Finds the pool.
    ///
    /// @throws VolumeException FAILED_PRECONDITION if the volumes lie in several pools, or in one
    ///     that makes no groups
    public Wanted resolve(String name, List<VolumeId> sources) {
        var backend = onePool(sources);
        if (!(backend instanceof GroupSnapshots groups)) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "pool %s makes no group snapshots: use another pool"
                            .formatted(backend.pool().name()));
        }
        return new Wanted(groups, GroupId.of(backend.pool(), name), name, sources);
    }

    /// Makes the group, or finds the one that the same request made before.
    ///
    /// @throws VolumeException ALREADY_EXISTS if the name is taken by a group of other volumes of
    ///     the same pool
    public GroupSnapshot create(Wanted wanted) throws IOException {
        var group =
                wanted.groups().createGroup(wanted.id(), wanted.name(), wanted.sources(), freezer);
        group.differenceFrom(wanted.name(), wanted.sources())
                .ifPresent(
                        difference -> {
                            throw taken(group, difference);
                        });
        return group;
    }

    private static VolumeException taken(GroupSnapshot group, String difference) {
        return new VolumeException(
                Reason.ALREADY_EXISTS,
                "a group snapshot named '%s' exists (%s) and is not what is asked for: %s"
                        .formatted(group.name(), group.id(), difference));
    }

    /// @param members as the caller knows them
    /// @throws VolumeException INVALID if the group has others
    public void delete(GroupId id, Collection<SnapshotId> members) throws IOException {
        var found = find(id);
        if (found.isPresent()) {
            requireMembers(found.get(), members);
        }
        if (pools.holding(id) instanceof GroupSnapshots groups) {
            groups.deleteGroup(id);
        }
    }

    private Optional<GroupSnapshot> find(GroupId id) throws IOException {
        return pools.holding(id) instanceof GroupSnapshots groups
                ? groups.findGroup(id)
                : Optional.empty();
    }

    /// @param members as the caller knows them
    /// @throws VolumeException NOT_FOUND if there is no such group; INVALID if it has others
    public GroupSnapshot require(GroupId id, Collection<SnapshotId> members) throws IOException {
        var found = find(id).orElseThrow(() -> GroupSnapshots.noSuchGroup(id.toString()));
        requireMembers(found, members);
        return found;
    }

    /// Callers that know none need not name any.
    private static void requireMembers(GroupSnapshot group, Collection<SnapshotId> members) {
        if (!members.isEmpty() && !group.memberIds().equals(Set.copyOf(members))) {
            throw new VolumeException(
                    Reason.INVALID,
                    "group snapshot %s has the members %s, not %s"
                            .formatted(group.id(), group.memberIds(), members));
        }
    }

    public Topology topology(GroupId id) {
        return pools.holding(id).topology(node);
    }
}
