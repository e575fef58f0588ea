package dev.stowage.backend.file;

import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Linux;
import dev.stowage.volume.IoAction;
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

/// How many volumes of this pool are attached to each node, so that none gets more than it takes.
/// Counted once, with the first attach, and kept from then on; attachments that are gone from the
/// disk, whoever removed them, do not count. Two drivers do not see each other's new attachments.
final class NodeLimits {
    private final PoolFolder pool;
    private final VolumeStore store;

    /// Attachments that are on disk, or were.
    private Optional<Map<NodeId, Set<VolumeId>>> attached = Optional.empty();

    /// Attaches that run now.
    private final Map<NodeId, Set<VolumeId>> coming = new HashMap<>();

    NodeLimits(PoolFolder pool, VolumeStore store) {
        this.pool = pool;
        this.store = store;
    }

    /// Attaches the volume to the node if that leaves it with at most `limit` volumes, or has it
    /// already.
    ///
    /// @throws VolumeException NO_SPACE
    void within(int limit, VolumeId id, NodeId node, IoAction attach) throws IOException {
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
        attached.ifPresent(map -> map.computeIfAbsent(node, _ -> new HashSet<>()).add(id));
    }

    private Set<VolumeId> coming(NodeId node) {
        return coming.computeIfAbsent(node, _ -> new HashSet<>());
    }

    private Set<VolumeId> present(NodeId node) throws IOException {
        if (attached.isEmpty()) {
            attached = Optional.of(count());
        }
        var known = attached.get().computeIfAbsent(node, _ -> new HashSet<>());
        for (var id : Set.copyOf(known)) {
            if (!isAttached(id, node)) {
                known.remove(id);
            }
        }
        return known;
    }

    private boolean isAttached(VolumeId id, NodeId node) throws ErrnoException {
        var record = pool.volume(id).holders().resolve(node.value());
        return Linux.lstatIfExists(record).isPresent();
    }

    private Map<NodeId, Set<VolumeId>> count() throws IOException {
        var found = new HashMap<NodeId, Set<VolumeId>>();
        for (var id : store.ids()) {
            for (var node : AttachmentRecords.nodes(pool.volume(id))) {
                found.computeIfAbsent(node, _ -> new HashSet<>()).add(id);
            }
        }
        return found;
    }
}
