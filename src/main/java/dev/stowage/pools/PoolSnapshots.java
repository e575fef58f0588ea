package dev.stowage.pools;

import dev.stowage.spi.Backend;
import dev.stowage.spi.FreezePermit;
import dev.stowage.spi.Freezer;
import dev.stowage.spi.Snapshots;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.Topology;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Snapshots of all pools. A snapshot lies in the pool of its volume.
public final class PoolSnapshots {
    private final Pools pools;
    private final NodeId node;
    private final Freezer freezer;

    public PoolSnapshots(Pools pools, NodeId node, Freezer freezer) {
        this.pools = pools;
        this.node = node;
        this.freezer = freezer;
    }

    /// One page of snapshots; `next` is the token for the following page, empty on the last.
    public record Page(List<Snapshot> snapshots, Optional<SnapshotId> next) {
        public Page {
            snapshots = List.copyOf(snapshots);
        }
    }

    /// Whether some pool can make snapshots.
    public boolean possible() {
        return pools.give(Snapshots.class);
    }

    /// A snapshot that is asked for, in the pool of its source.
    ///
    /// @param id that it has, or will have
    public record Wanted(Snapshots snapshots, SnapshotId id, String name, VolumeId source) {}

    /// Finds the pool.
    ///
    /// @param requisite places one of which must reach the snapshot; empty: anywhere
    /// @throws VolumeException if the pool can't be used, or makes no snapshots
    public Wanted resolve(String name, VolumeId source, List<Topology> requisite) {
        var backend = pools.holding(source);
        if (!(backend instanceof Snapshots snapshots)) {
            throw new VolumeException(
                    Reason.INVALID,
                    "pool %s makes no snapshots: use another pool"
                            .formatted(backend.pool().name()));
        }
        requireReach(backend, requisite);
        return new Wanted(snapshots, SnapshotId.of(backend.pool(), name), name, source);
    }

    /// Makes the snapshot, or finds the one that the same request made before.
    ///
    /// @param freezeAtMost for how long the volume may be frozen if it can't be had otherwise
    /// @throws VolumeException ALREADY_EXISTS if the name is taken by a snapshot of another
    ///     volume of the same pool
    public Snapshot create(Wanted wanted, Optional<Duration> freezeAtMost) throws IOException {
        var freeze = freezeAtMost.map(bound -> new FreezePermit(freezer, bound));
        var snapshot =
                wanted.snapshots()
                        .createSnapshot(wanted.id(), wanted.name(), wanted.source(), freeze);
        snapshot.differenceFrom(wanted.name(), wanted.source())
                .ifPresent(
                        difference -> {
                            throw taken(snapshot, difference);
                        });
        return snapshot;
    }

    private static VolumeException taken(Snapshot snapshot, String difference) {
        return new VolumeException(
                Reason.ALREADY_EXISTS,
                "a snapshot named '%s' exists (%s) and is not what is asked for: %s"
                        .formatted(snapshot.name(), snapshot.id(), difference));
    }

    private void requireReach(Backend backend, List<Topology> requisite) {
        var topology = backend.topology(node);
        if (!requisite.isEmpty() && requisite.stream().noneMatch(topology::within)) {
            throw new VolumeException(
                    Reason.NO_SPACE,
                    "snapshots of pool %s are reached only at %s, which is none of the places asked for"
                            .formatted(backend.pool().name(), topology.segments()));
        }
    }

    public void delete(SnapshotId id) throws IOException {
        if (pools.holding(id) instanceof Snapshots snapshots) {
            snapshots.deleteSnapshot(id);
        }
    }

    public Optional<Snapshot> find(SnapshotId id) throws IOException {
        return pools.holding(id) instanceof Snapshots snapshots
                ? snapshots.findSnapshot(id)
                : Optional.empty();
    }

    /// As [#find], for a list: what lies in a pool that is not here is in no list.
    public Optional<Snapshot> listed(SnapshotId id) throws IOException {
        var pool = pools.owner(id);
        return pool.isPresent()
                ? pool.get().ask("the record of a snapshot", () -> find(id))
                : Optional.empty();
    }

    /// @throws VolumeException NOT_FOUND if there is no such snapshot
    public Snapshot require(SnapshotId id) throws IOException {
        return find(id).orElseThrow(() -> Snapshots.noSuchSnapshot(id.toString()));
    }

    public Topology topology(SnapshotId id) {
        return pools.owning(id).topology(node);
    }

    /// Snapshots of all usable pools in order of their ids.
    ///
    /// @param source only those of this volume
    public Page list(Optional<VolumeId> source, Optional<SnapshotId> after, int limit)
            throws IOException {
        var found = new ArrayList<Snapshot>();
        for (var usable : pools.usable()) {
            if (found.size() > limit) {
                break;
            }
            if ((after.isEmpty() || usable.mayFollow(after.get()))
                    && source.filter(id -> !usable.owns(id)).isEmpty()
                    && usable.backend() instanceof Snapshots snapshots) {
                var within = after.filter(usable::owns);
                var left = limit + 1 - found.size();
                usable.ask(
                                "the list of its snapshots",
                                () -> snapshots.listSnapshots(source, within, left))
                        .ifPresent(found::addAll);
            }
        }
        return found.size() > limit
                ? new Page(found.subList(0, limit), Optional.of(found.get(limit - 1).id()))
                : new Page(found, Optional.empty());
    }
}
