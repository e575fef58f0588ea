package dev.stowage.spi;

import dev.stowage.volume.NodeId;
import java.io.IOException;

/// A backend that keeps records of the nodes that can reach it; attaching to another node is
/// NOT_FOUND.
public interface KnownNodes {
    /// Makes `node` known, durably, with the number of this pool's volumes that it takes at a time.
    /// An attach of one more is NO_SPACE; what it has already it keeps. Again: the last number
    /// counts.
    void announce(NodeId node, int maxVolumes) throws IOException;
}
