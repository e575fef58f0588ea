package dev.stowage.linux;

import java.nio.file.Path;

/// A loop device for the time that this is open: it goes with its last opener
/// (LO_FLAGS_AUTOCLEAR), so also when the process is killed. A file system that is mounted from it
/// counts as one, and should be let go first.
public final class PassingLoopDevice implements AutoCloseable {
    private static final LoopNodes NODES = new LoopNodes(Path.of("/dev"));

    private final Path path;
    private final Fd device;

    private PassingLoopDevice(Path path, Fd device) {
        this.path = path;
        this.device = device;
    }

    /// As [LoopDevices#attach].
    public static PassingLoopDevice attach(Path image, String name, int blockSize, boolean readOnly)
            throws ErrnoException {
        return LoopDevices.attach(
                NODES,
                image,
                name,
                blockSize,
                LoopStatus.LO_FLAGS_AUTOCLEAR | (readOnly ? LoopStatus.LO_FLAGS_READ_ONLY : 0),
                (number, device) -> new PassingLoopDevice(NODES.path(number), device.duplicate(0)));
    }

    /// `/dev/loop5`
    public Path path() {
        return path;
    }

    /// Makes durable in the image what was written to the device.
    public void fsync() throws ErrnoException {
        device.fsync();
    }

    @Override
    public void close() {
        device.close();
    }
}
