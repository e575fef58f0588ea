package dev.stowage.backend.file;

import dev.stowage.volume.AccessMode;
import dev.stowage.volume.NodeId;
import java.nio.file.Path;

/// A volume's attachment to a node, as it is written down.
record AttachmentRecord(NodeId node, AccessMode mode, boolean readOnly) {
    /// Attachments of this use may be at several nodes at once; any other excludes all others.
    boolean amongReaders() {
        return mode == AccessMode.MULTI_NODE_READER_ONLY;
    }

    boolean writes() {
        return !readOnly && !mode.readOnly();
    }

    boolean sameUseAs(AttachmentRecord other) {
        return mode.sameAs(other.mode) && readOnly == other.readOnly;
    }

    byte[] bytes(Path file) {
        return StoredRecord.blank(file)
                .with("node", node.value())
                .with("mode", mode.name())
                .with("readOnly", readOnly)
                .bytes();
    }

    static AttachmentRecord of(StoredRecord stored) {
        var node = stored.text("node");
        return new AttachmentRecord(
                Instance.nodeId(node)
                        .orElseThrow(() -> stored.damaged("'%s' is no node's id".formatted(node))),
                mode(stored),
                stored.truth("readOnly"));
    }

    private static AccessMode mode(StoredRecord stored) {
        var text = stored.text("mode");
        for (var mode : AccessMode.values()) {
            if (mode.name().equals(text)) {
                return mode;
            }
        }
        throw stored.damaged("access mode '%s' is not known".formatted(text));
    }
}
