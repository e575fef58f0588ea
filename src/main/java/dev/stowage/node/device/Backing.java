package dev.stowage.node.device;

import java.io.IOException;

/// What lies behind a volume's block device and knows more of its past than the device shows.
public interface Backing {
    enum Past {
        /// No byte was ever written, so every byte reads as zero.
        BLANK,
        WRITTEN,
        /// Nothing here can tell.
        UNKNOWN
    }

    /// Whether some byte was ever written; asked only after an fsync of the device.
    Past past() throws IOException;

    /// Makes what was written durable.
    void sync() throws IOException;
}
