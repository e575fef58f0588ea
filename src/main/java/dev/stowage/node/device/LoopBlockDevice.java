package dev.stowage.node.device;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.LoopDevice;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.UnreadableLoop;
import dev.stowage.spi.ImageFiles;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/// A loop device that has a volume's name.
///
/// @param volume empty where that was not looked for
record LoopBlockDevice(Optional<VolumeId> volume, LoopDevice loop) implements BlockDevice {
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
        return LoopDevices.heldByAnother(loop);
    }

    @Override
    public LoopBlockDevice withNewSize() throws IOException {
        LoopDevices.adoptNewSize(loop);
        var grown =
                LoopDevices.at(loop.path())
                        .orElseThrow(
                                () ->
                                        new ErrnoException(
                                                "LOOP_GET_STATUS64",
                                                loop.path().toString(),
                                                Errno.ENXIO));
        return new LoopBlockDevice(volume, grown);
    }

    /// Its disk may die while the last writes of an unmount go to it. It had the volume's name just
    /// now, so its file's path is enough to go by.
    @Override
    public void release() throws IOException {
        try {
            LoopDevices.detach(loop);
        } catch (ErrnoException e) {
            var now = LoopDevices.unreadable(loop);
            if (now.isEmpty() || !isImage(now.get())) {
                throw e;
            }
            now.get().detachWhenClosed();
        }
    }

    private boolean isImage(UnreadableLoop now) {
        return volume.filter(id -> ImageFiles.isImage(id, now.filePath())).isPresent();
    }

    @Override
    public String toString() {
        return loop.path() + (loop.readOnly() ? " (read-only)" : "");
    }
}
