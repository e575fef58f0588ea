package dev.stowage.backend.file;

import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Linux;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Path;

/// `nodes/<id>.json`: the nodes that have announced themselves.
final class NodeRecords {
    private final PoolFolder pool;
    private final Durable durable;

    NodeRecords(PoolFolder pool, Durable durable) {
        this.pool = pool;
        this.durable = durable;
    }

    void announce(NodeId node) throws IOException {
        var file = file(node);
        if (Linux.lstatIfExists(file).isEmpty()) {
            var record = StoredRecord.blank(file).with("id", node.value());
            durable.makeIfAbsent(file, record.bytes());
        }
    }

    void require(NodeId node) throws ErrnoException {
        if (Linux.lstatIfExists(file(node)).isEmpty()) {
            throw new VolumeException(
                    Reason.NOT_FOUND,
                    "node '%s' has never announced itself to this pool: is its driver running, and does it have the pool?"
                            .formatted(node));
        }
    }

    private Path file(NodeId node) {
        return pool.nodes().resolve(node + ".json");
    }
}
