package dev.stowage.backend.file;

import dev.stowage.volume.NodeId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// `nodes/<id>.json`: the nodes that have announced themselves.
final class NodeRecords {
    private static final Logger LOG = LoggerFactory.getLogger(NodeRecords.class);
    private static final String MAX_VOLUMES = "maxVolumes";

    private final PoolFolder pool;
    private final Durable durable;

    NodeRecords(PoolFolder pool, Durable durable) {
        this.pool = pool;
        this.durable = durable;
    }

    void announce(NodeId node, int maxVolumes) throws IOException {
        var file = file(node);
        try {
            var stored = StoredRecord.read(file);
            if (stored.number(MAX_VOLUMES, Integer.MAX_VALUE) != maxVolumes) {
                durable.replace(file, stored.with(MAX_VOLUMES, maxVolumes).bytes());
            }
        } catch (NoSuchFileException e) {
            var record =
                    StoredRecord.blank(file).with("id", node.value()).with(MAX_VOLUMES, maxVolumes);
            durable.makeIfAbsent(file, record.bytes());
        } catch (VolumeException e) {
            LOG.warn("node {} is known without its limit: {}", node, e.getMessage());
        }
    }

    /// How many volumes the node takes.
    ///
    /// @throws VolumeException NOT_FOUND if it never announced itself
    int maxVolumes(NodeId node) throws IOException {
        try {
            var limit = StoredRecord.read(file(node)).number(MAX_VOLUMES, Integer.MAX_VALUE);
            return Math.clamp(limit, 0, Integer.MAX_VALUE);
        } catch (NoSuchFileException e) {
            throw new VolumeException(
                    Reason.NOT_FOUND,
                    "node '%s' has never announced itself to this pool: is its driver running, does it have the pool, and has the disk an inode left for its record?"
                            .formatted(node));
        } catch (VolumeException e) {
            LOG.warn("the limit of node {} is not known: {}", node, e.getMessage());
            return Integer.MAX_VALUE;
        }
    }

    private Path file(NodeId node) {
        return pool.nodes().resolve(node + ".json");
    }
}
