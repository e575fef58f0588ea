package dev.stowage.backend.file;

import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Linux;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// How many volumes of this pool each node holds, so that none gets more than it takes. Counted
/// once, with the first attach, and kept from then on; holds that are gone from the disk, whoever
/// removed them, do not count. Two drivers do not see each other's new holds.
final class NodeLoads {
    private final PoolFolder pool;
    private final VolumeStore store;

    /// Holds that are on disk, or were.
    private Optional<Map<NodeId, Set<VolumeId>>> held = Optional.empty();

    /// Attaches that run now.
    private final Map<NodeId, Set<VolumeId>> coming = new HashMap<>();

    NodeLoads(PoolFolder pool, VolumeStore store) {
        this.pool = pool;
        this.store = store;
    }

    interface Attach {
        void run() throws IOException;
    }

    /// Attaches the volume to the node if that leaves it with at most `limit` volumes, or has it
    /// already.
    ///
    /// @throws VolumeException NO_SPACE
    void within(int limit, VolumeId id, NodeId node, Attach attach) throws IOException {
        enter(limit, id, node);
        try {
            attach.run();
        } finally {
            leave(id, node);
        }
    }

    private synchronized void enter(int limit, VolumeId id, NodeId node) throws IOException {
        var own = present(node);
        var all = new HashSet<>(own);
        all.addAll(coming(node));
        all.add(id);
        if (all.size() > limit && !own.contains(id)) {
            throw new VolumeException(
                    Reason.NO_SPACE,
                    "node %s has %d volumes of this pool attached and takes %d (maxVolumesPerNode): use volume %s on another node, or detach one first"
                            .formatted(node, all.size() - 1, limit, id));
        }
        coming(node).add(id);
    }

    /// Whether it came to be is seen on disk the next time.
    private synchronized void leave(VolumeId id, NodeId node) {
        coming(node).remove(id);
        held.ifPresent(map -> map.computeIfAbsent(node, _ -> new HashSet<>()).add(id));
    }

    private Set<VolumeId> coming(NodeId node) {
        return coming.computeIfAbsent(node, _ -> new HashSet<>());
    }

    private Set<VolumeId> present(NodeId node) throws IOException {
        if (held.isEmpty()) {
            held = Optional.of(count());
        }
        var known = held.get().computeIfAbsent(node, _ -> new HashSet<>());
        for (var id : Set.copyOf(known)) {
            if (!isHeld(id, node)) {
                known.remove(id);
            }
        }
        return known;
    }

    private boolean isHeld(VolumeId id, NodeId node) throws ErrnoException {
        var hold = pool.volume(id).holders().resolve(node.value());
        return Linux.lstatIfExists(hold).isPresent();
    }

    private Map<NodeId, Set<VolumeId>> count() throws IOException {
        var found = new HashMap<NodeId, Set<VolumeId>>();
        for (var id : store.ids()) {
            for (var node : Holds.nodes(pool.volume(id))) {
                found.computeIfAbsent(node, _ -> new HashSet<>()).add(id);
            }
        }
        return found;
    }
}
