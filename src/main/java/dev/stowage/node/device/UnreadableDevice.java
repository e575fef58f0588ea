package dev.stowage.node.device;

import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.UnreadableLoop;
import java.io.IOException;
import java.nio.file.Path;

/// A loop device below which the disk has died, so that the kernel doesn't tell whose it is. Its
/// file has the path of the volume's image. That alone is enough for nothing; together with a mount
/// at a path where the kubelet has us stage or publish the volume, it is enough to detach it.
public record UnreadableDevice(UnreadableLoop loop) implements BlockDevice {
    @Override
    public Path path() {
        return loop.path();
    }

    @Override
    public String number() {
        return LoopDevices.MAJOR + loop.number();
    }

    @Override
    public boolean readOnly() {
        return loop.readOnly();
    }

    @Override
    public long sizeBytes() {
        return loop.sizeBytes();
    }

    @Override
    public int blockSizeBytes() {
        return loop.blockSize();
    }

    @Override
    public boolean held() throws IOException {
        return loop.heldByAnother();
    }

    @Override
    public BlockDevice withNewSize() throws IOException {
        throw loop.why();
    }

    /// Only for one that a mount of ours shows: before the unmount, so that nothing stays bound if
    /// the driver is killed after it.
    @Override
    public void release() throws IOException {
        loop.detachWhenClosed();
    }

    public boolean bound() {
        return loop.isStill();
    }

    @Override
    public String toString() {
        return loop.path() + " (unreadable)";
    }
}
