package dev.stowage.backend.file;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.spi.Attachment;
import dev.stowage.spi.Backend;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.List;
import java.util.Set;

/// Which nodes have which volumes of a file pool.
final class Attachments {
    static final Set<AccessMode> MODES =
            Set.of(
                    AccessMode.SINGLE_NODE_WRITER,
                    AccessMode.SINGLE_NODE_READER_ONLY,
                    AccessMode.SINGLE_NODE_SINGLE_WRITER,
                    AccessMode.SINGLE_NODE_MULTI_WRITER,
                    AccessMode.MULTI_NODE_READER_ONLY);

    private final OpenPool open;
    private final PoolFolder pool;
    private final VolumeStore store;
    private final NodeRecords nodes;
    private final Readers readers;
    private final AttachmentRecords records;
    private final NodeLimits loads;

    Attachments(
            OpenPool open,
            VolumeStore store,
            NodeRecords nodes,
            Readers readers,
            PreparedAttachments prepared) {
        this.open = open;
        this.pool = open.folder();
        this.store = store;
        this.nodes = nodes;
        this.readers = readers;
        this.records = new AttachmentRecords(open.durable(), prepared);
        this.loads = new NodeLimits(pool, store);
    }

    Attachment attach(VolumeId id, NodeId node, AccessMode mode, boolean readOnly)
            throws IOException {
        requireReadable(id);
        var limit = nodes.maxVolumes(node);
        if (!MODES.contains(mode)) {
            throw new VolumeException(
                    Reason.INVALID,
                    "access mode %s can't be served from image files: use one of %s"
                            .formatted(mode, MODES.stream().sorted().toList()));
        }
        try {
            var record = new AttachmentRecord(node, mode, readOnly);
            if (open.readOnly()) {
                requireAttached(id, record);
                return new Attachment.LoopFile(id, readOnly || mode.readOnly());
            }
            loads.within(limit, id, node, () -> records.attach(pool.volume(id), record));
            releaseIfCopied(id, node);
        } catch (ErrnoException e) {
            if (e.is(Errno.ENOENT)) {
                store.require(id); // deleted meanwhile
            }
            throw CapacityCheck.explained(e, pool.root());
        }
        return new Attachment.LoopFile(id, readOnly || mode.readOnly());
    }

    /// Nothing is to be written for an attachment that is there.
    private void requireAttached(VolumeId id, AttachmentRecord record) throws IOException {
        if (!AttachmentRecords.has(pool.volume(id), record)) {
            open.requireWritable();
        }
    }

    private void requireReadable(VolumeId id) throws IOException {
        if (store.find(id).isEmpty()) {
            throw Backend.noSuchVolume(id.toString());
        }
    }

    /// A copy marks the volume first and looks for attachments then; an attach does it the other
    /// way round.
    private void releaseIfCopied(VolumeId id, NodeId node) throws IOException {
        try {
            requireNotCopied(id);
        } catch (VolumeException e) {
            records.detach(pool.volume(id), node);
            throw e;
        }
    }

    void requireNotCopied(VolumeId id) {
        if (readers.read(id)) {
            throw new VolumeException(
                    Reason.BUSY,
                    "volume %s is being copied byte by byte and must keep still until that is done; retry"
                            .formatted(id));
        }
    }

    void detach(VolumeId id, NodeId node) throws IOException {
        if (open.readOnly()) {
            if (publishedNodes(id).contains(node)) {
                open.requireWritable();
            }
            return;
        }
        records.detach(pool.volume(id), node);
    }

    List<NodeId> publishedNodes(VolumeId id) throws IOException {
        return AttachmentRecords.nodes(pool.volume(id));
    }
}
