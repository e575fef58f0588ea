package dev.stowage.testing;

import dev.stowage.linux.Command;
import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.linux.LoopDevice;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.Mounts;
import dev.stowage.linux.OpenFlags;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// A real file system in a sparse image, attached to a loop device and mounted; gone again when
/// closed.
///
/// @param image the image file
/// @param device the loop device as it was when attached
public record LoopFileSystem(Kind kind, Path image, Path mountPoint, LoopDevice device)
        implements AutoCloseable {
    private static final Duration MKFS_LIMIT = Duration.ofSeconds(60);
    private static final int BLOCK_SIZE = 512;

    /// What mkfs can make here, each with the least size that its mkfs takes.
    public enum Kind {
        EXT4("ext4", 16, "mkfs.ext4", "-q", "-F", "-E", "nodiscard"),
        XFS("xfs", 300, "mkfs.xfs", "-q", "-f", "-K", "-m", "reflink=1"),
        BTRFS("btrfs", 128, "mkfs.btrfs", "-q", "-f", "-K");

        private final String type;
        private final long leastMebibytes;
        private final List<String> mkfs;

        Kind(String type, long leastMebibytes, String... mkfs) {
            this.type = type;
            this.leastMebibytes = leastMebibytes;
            this.mkfs = List.of(mkfs);
        }

        /// As mountinfo has it.
        public String type() {
            return type;
        }

        public long leastBytes() {
            return leastMebibytes << 20;
        }

        public boolean canClone() {
            return this != EXT4;
        }

        /// Formats a device or an image file.
        public void format(Path device) throws IOException {
            var argv = new ArrayList<>(mkfs);
            argv.add(device.toString());
            Command.run(argv, MKFS_LIMIT);
        }
    }

    /// Makes `folder/<kind>.img` and mounts it at `folder/<kind>`; neither may exist.
    public static LoopFileSystem make(Path folder, Kind kind, long bytes) throws IOException {
        return make(folder, kind.type(), kind, bytes);
    }

    /// As [#make(Path, Kind, long)] with another name, for several of a kind in one folder.
    public static LoopFileSystem make(Path folder, String name, Kind kind, long bytes)
            throws IOException {
        return over(
                sparseFile(folder.resolve(name + ".img"), bytes),
                Files.createDirectory(folder.resolve(name)),
                kind);
    }

    /// Formats an image that is there and mounts it at a folder that is there; both go with it.
    public static LoopFileSystem over(Path image, Path mountPoint, Kind kind) throws IOException {
        var name = "stowage-test:" + mountPoint.getFileName();
        var device = LoopDevices.attach(image, name, BLOCK_SIZE, false);
        var made = new LoopFileSystem(kind, image, mountPoint, device);
        try {
            kind.format(device.path());
            made.mount();
            return made;
        } catch (IOException e) {
            made.close();
            throw e;
        }
    }

    /// A file of holes only.
    public static Path sparseFile(Path path, long bytes) throws IOException {
        try (var file =
                Fd.open(path, OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_EXCL, 0600)) {
            file.truncate(bytes);
        }
        return path;
    }

    /// Mounts it again after [#unmount()].
    public void mount() throws IOException {
        Mounts.mount(kind.type(), device.path().toString(), mountPoint, Set.of(), List.of());
    }

    public void unmount() throws IOException {
        Mounts.unmount(mountPoint);
    }

    /// Thaws, unmounts, detaches and deletes, as far as there is something to do.
    @Override
    public void close() throws IOException {
        try {
            if (Linux.stat(mountPoint).dev() != Linux.stat(mountPoint.resolve("..")).dev()) {
                Linux.thaw(mountPoint);
                unmount();
            }
        } catch (ErrnoException e) {
            if (!e.is(Errno.EINVAL, Errno.ENOENT, Errno.EOPNOTSUPP)) {
                throw e;
            }
        }
        LoopDevices.detach(device);
        Files.deleteIfExists(image);
        Files.deleteIfExists(mountPoint);
    }
}
