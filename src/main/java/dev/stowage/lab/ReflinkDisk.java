package dev.stowage.lab;

import dev.stowage.linux.Command;
import dev.stowage.linux.Fd;
import dev.stowage.linux.LoopDevice;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.Mounts;
import dev.stowage.linux.OpenFlags;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/// A disk on which files can share blocks: XFS in a sparse file of a workplace, mounted. What of it
/// is not given back when this is closed goes with the workplace.
public record ReflinkDisk(LoopDevice device, Path mountPoint) implements AutoCloseable {
    private static final Duration MKFS_LIMIT = Duration.ofMinutes(2);
    private static final int BLOCK_BYTES = 512;

    /// @param bytes may be more than there are on the workplace's disk
    public static ReflinkDisk make(Workplace place, long bytes) throws IOException {
        var image = place.folder().resolve("disk.img");
        try (var file = Fd.open(image, OpenFlags.O_RDWR | OpenFlags.O_CREAT, 0600)) {
            file.truncate(bytes);
        }
        var name = String.valueOf(place.folder().getFileName());
        var device = LoopDevices.attach(image, name, BLOCK_BYTES, false);
        var path = device.path().toString();
        Command.run(
                List.of("mkfs.xfs", "-q", "-K", "-m", "reflink=1", "-l", "size=64m", path),
                MKFS_LIMIT);
        var mountPoint = place.makeFolder("disk");
        Mounts.mount("xfs", path, mountPoint, Set.of(), List.of());
        return new ReflinkDisk(device, mountPoint);
    }

    /// A folder that is not there yet.
    public Path pool() {
        return mountPoint.resolve("pool");
    }

    @Override
    public void close() throws IOException {
        Mounts.unmount(mountPoint);
        LoopDevices.detach(device);
    }
}
