package dev.stowage.volume;

import java.io.IOException;

/// A backend that keeps records of the nodes that can reach it; attaching to another node is
/// NOT_FOUND.
public interface KnownNodes {
    /// Makes `node` known, durably. Again: nothing changes.
    void announce(NodeId node) throws IOException;
}
