package dev.stowage.backend.file;

import dev.stowage.volume.AccessMode;
import dev.stowage.volume.NodeId;
import java.nio.file.Path;

/// A node's claim on a volume.
record Hold(NodeId node, AccessMode mode, boolean readOnly) {
    /// Holds of this use go together; any other stands alone.
    boolean amongReaders() {
        return mode == AccessMode.MULTI_NODE_READER_ONLY;
    }

    boolean writes() {
        return !readOnly && !mode.readOnly();
    }

    boolean sameUseAs(Hold other) {
        return mode.sameAs(other.mode) && readOnly == other.readOnly;
    }

    byte[] bytes(Path file) {
        return StoredRecord.blank(file)
                .with("node", node.value())
                .with("mode", mode.name())
                .with("readOnly", readOnly)
                .bytes();
    }

    static Hold of(StoredRecord stored) {
        var node = stored.text("node");
        return new Hold(
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
