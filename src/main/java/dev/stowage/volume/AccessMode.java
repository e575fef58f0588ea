package dev.stowage.volume;

/// The access modes of CSI's VolumeCapability, by its names.
public enum AccessMode {
    SINGLE_NODE_WRITER,
    SINGLE_NODE_READER_ONLY,
    MULTI_NODE_READER_ONLY,
    MULTI_NODE_SINGLE_WRITER,
    MULTI_NODE_MULTI_WRITER,
    SINGLE_NODE_SINGLE_WRITER,
    SINGLE_NODE_MULTI_WRITER;

    /// Nothing is ever written in this mode.
    public boolean readOnly() {
        return this == SINGLE_NODE_READER_ONLY || this == MULTI_NODE_READER_ONLY;
    }

    /// Several nodes may hold the volume at once.
    public boolean multiNode() {
        return switch (this) {
            case MULTI_NODE_READER_ONLY, MULTI_NODE_SINGLE_WRITER, MULTI_NODE_MULTI_WRITER -> true;
            case SINGLE_NODE_WRITER,
                    SINGLE_NODE_READER_ONLY,
                    SINGLE_NODE_SINGLE_WRITER,
                    SINGLE_NODE_MULTI_WRITER ->
                    false;
        };
    }

    /// Whether `other` asks for the same thing. SINGLE_NODE_WRITER is what callers say that do not
    /// know SINGLE_NODE_MULTI_WRITER.
    public boolean sameAs(AccessMode other) {
        return normal() == other.normal();
    }

    private AccessMode normal() {
        return this == SINGLE_NODE_MULTI_WRITER ? SINGLE_NODE_WRITER : this;
    }
}
