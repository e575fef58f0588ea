package dev.stowage.node.device;

import java.io.IOException;
import java.nio.file.Path;

/// A block device of this machine through which a volume is reached.
public interface BlockDevice {
    /// `/dev/loop5`
    Path path();

    /// `major:minor` as mountinfo has it.
    String number();

    /// Refuses writes.
    boolean readOnly();

    /// As the kernel saw it when this was looked up.
    long sizeBytes();

    /// The logical block size.
    int blockSizeBytes();

    /// A mounted superblock, or a program that wants it for itself, has it open.
    boolean held() throws IOException;

    /// The device after it took over the size that its volume has now.
    BlockDevice withNewSize() throws IOException;

    /// Gives the device back to the machine; it is gone when this returns. Gone already: nothing
    /// happens. An [IOException] says who holds it.
    void release() throws IOException;
}
