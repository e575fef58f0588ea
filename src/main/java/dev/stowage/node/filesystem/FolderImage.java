package dev.stowage.node.filesystem;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Folder;
import dev.stowage.linux.Linux;
import dev.stowage.linux.MountTable;
import dev.stowage.linux.Mounts;
import dev.stowage.linux.Mounts.MountAttribute;
import dev.stowage.linux.PassingLoopDevice;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/// Makes a file system with the content of a folder in an image file: formatted, mounted where
/// nobody sees it, and filled by [FolderCopy]. Device and mount go with this process, also when it
/// is killed.
public final class FolderImage {
    private static final String NAME = "stowage-import";

    /// What mke2fs gives to each inode (mke2fs.conf(5), inode_ratio).
    private static final long BYTES_FOR_EACH_FILE = 16384;

    /// A journal or log, or the metadata of a btrfs, which lies there twice.
    private static final long ROOM_BYTES = 128L << 20;

    private FolderImage() {}

    /// Enough for the folder, and some more.
    ///
    /// @param pool the folder of the pool that the image will be in
    /// @throws VolumeException INVALID if one of the two lies in the other: the copy would contain
    ///     itself; FAILED_PRECONDITION if this process can't mount anything
    public static long bytesFor(Path folder, Path pool) throws IOException {
        MountTry.requireRoot();
        if (Files.exists(pool) && MountTable.read().overlap(folder, pool)) {
            throw new VolumeException(
                    Reason.INVALID,
                    "%s contains the pool's folder %s, or lies in it, and a copy would contain itself: import a folder that has nothing to do with the pool"
                            .formatted(folder, pool));
        }
        try (var from = Folder.open(folder)) {
            var size = FolderSize.of(from);
            return ROOM_BYTES + Math.max(size.bytes() / 4 * 5, size.files() * BYTES_FOR_EACH_FILE);
        }
    }

    /// @param image reads as zeros, in its full length
    /// @param blockSize of the device that it will be mounted from later
    public static void make(FileSystemType fileSystem, Path folder, Path image, int blockSize)
            throws IOException {
        try (var device = PassingLoopDevice.attach(image, NAME, blockSize, false)) {
            new Mkfs().run(fileSystem, List.of(), device.path(), true);
            try (var from = Folder.open(folder);
                    var mount = mount(fileSystem, device.path());
                    var root = Folder.of(mount)) {
                copy(from, root);
                Linux.syncfs(root.fd());
            }
            device.fsync();
        }
    }

    private static Fd mount(FileSystemType fileSystem, Path device) throws ErrnoException {
        return Mounts.detachedMount(
                fileSystem.kernelName(),
                device.toString(),
                Set.of(MountAttribute.NOSUID, MountAttribute.NODEV, MountAttribute.NOEXEC),
                List.of());
    }

    private static void copy(Folder from, Folder root) throws IOException {
        try {
            FolderCopy.copy(from, root);
        } catch (ErrnoException e) {
            if (!e.is(Errno.ENOSPC)) {
                throw e;
            }
            throw new VolumeException(
                    Reason.OUT_OF_RANGE,
                    "what %s holds does not fit into the new volume (%s): import it with a larger --size"
                            .formatted(from.fd(), e.getMessage()),
                    e);
        }
    }
}
