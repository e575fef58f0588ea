package dev.stowage.backend.file;

import dev.stowage.linux.Linux;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// `nodes/<node>.<mode>.<rw or ro>.hold`: the records of all attachments that a node can have,
/// written when the node announces itself. To attach is then a link(2) to one of them, which needs
/// neither an inode nor a block: so volumes are attached also where the disk is full.
final class PreparedAttachments {
    private final PoolFolder pool;
    private final Durable durable;
    private final Set<NodeId> prepared = ConcurrentHashMap.newKeySet();

    PreparedAttachments(PoolFolder pool, Durable durable) {
        this.pool = pool;
        this.durable = durable;
    }

    /// Durable when it returns; what is there stays.
    void prepare(NodeId node) throws IOException {
        if (prepared.contains(node)) {
            return;
        }
        for (var mode : Attachments.MODES) {
            prepare(new AttachmentRecord(node, mode, false));
            prepare(new AttachmentRecord(node, mode, true));
        }
        prepared.add(node);
    }

    private void prepare(AttachmentRecord record) throws IOException {
        var file = file(record);
        if (Linux.lstatIfExists(file).isEmpty()) {
            var _ = durable.makeIfAbsent(file, record.bytes(file));
        }
    }

    /// The record to link, if it is there and whole.
    Optional<Path> of(AttachmentRecord wanted) throws IOException {
        var file = file(wanted);
        try {
            return StoredRecord.readIfThere(file)
                    .map(AttachmentRecord::of)
                    .filter(wanted::equals)
                    .map(_ -> file);
        } catch (VolumeException e) { // damaged: a record of its own is written
            return Optional.empty();
        }
    }

    private Path file(AttachmentRecord record) {
        AccessMode mode = record.mode();
        return pool.nodes()
                .resolve(
                        "%s.%s.%s.hold"
                                .formatted(
                                        record.node().value(),
                                        mode,
                                        record.readOnly() ? "ro" : "rw"));
    }
}
