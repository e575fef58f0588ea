package dev.stowage.node;

import java.io.IOException;

/// What lies behind a volume's block device and knows more of its past than the device shows.
interface Backing {
    /// Whether some byte was ever written, as far as that can be known; asked only after an fsync
    /// of the device.
    boolean everWritten() throws IOException;

    /// Makes what was written durable.
    void sync() throws IOException;
}
