package dev.stowage.spi;

import dev.stowage.volume.VolumeId;

/// What a node needs to reach a volume. It names pool and volume and never a path that the node
/// would then trust. A new engine adds a record here and a connector on the node.
public sealed interface Attachment {
    VolumeId volume();

    /// The node may only read.
    boolean readOnly();

    /// An image file in a pool whose folder the node has: connected through a loop device.
    record LoopFile(VolumeId volume, boolean readOnly) implements Attachment {}
}
