package dev.stowage.linux;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;

/// What the kernel has seen go wrong in a mounted file system. `root` is an O_PATH descriptor of
/// the file system's root.
public final class FileSystemHealth {
    private static final Path SYS_FS_EXT4 = Path.of("/sys/fs/ext4");

    /// linux/btrfs.h: _IOWR(0x94, 52, struct btrfs_ioctl_get_dev_stats)
    private static final long BTRFS_IOC_GET_DEV_STATS = 0xc4089434L;

    private static final int BTRFS_DEV_STATS_SIZE = 1032;
    private static final int BTRFS_DEV_STAT_VALUES = 5;

    /// struct xfs_fsop_geom (fs/xfs/libxfs/xfs_fs.h)
    private static final int XFS_GEOM_SICK = 112;

    private FileSystemHealth() {}

    /// Errors that ext4 keeps in its superblock until fsck clears them
    /// (Documentation/ABI/testing/sysfs-fs-ext4).
    ///
    /// @param lastFunction the kernel's function that saw the last one
    public record ExtErrors(long count, Instant first, Instant last, String lastFunction) {}

    /// What btrfs counts of its device until it is told to forget (btrfs-device(8), stats).
    public record BtrfsErrors(
            long writes, long reads, long flushes, long corruptions, long generations) {
        public boolean none() {
            return writes + reads + flushes + corruptions + generations == 0;
        }
    }

    /// Errors of the ext file system on a device of this name (`loop0`); empty where the kernel
    /// knows of none such.
    public static Optional<ExtErrors> ext(String device) throws IOException {
        var folder = SYS_FS_EXT4.resolve(device);
        try {
            return Optional.of(
                    new ExtErrors(
                            number(folder, "errors_count"),
                            Instant.ofEpochSecond(number(folder, "first_error_time")),
                            Instant.ofEpochSecond(number(folder, "last_error_time")),
                            text(folder, "last_error_func")));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    /// Whether an error has made an ext4 refuse writes, see [MountPoint#emergencyReadOnly].
    ///
    /// @param device the file system's device number as stat(2) has it
    public static boolean extRefusesWrites(long device) throws IOException {
        var number = Stat.major(device) + ":" + Stat.minor(device);
        return MountTable.read().mounts().stream()
                .filter(mount -> mount.device().equals(number))
                .anyMatch(MountPoint::emergencyReadOnly);
    }

    private static long number(Path folder, String file) throws IOException {
        return Long.parseLong(text(folder, file));
    }

    private static String text(Path folder, String file) throws IOException {
        return Files.readString(folder.resolve(file)).strip();
    }

    /// Whether an XFS has shut itself down: every access to an inode is EIO then, while statfs and
    /// mountinfo look as always (xfs_vn_getattr).
    public static boolean xfsShutDown(Fd root) throws ErrnoException {
        try {
            var _ = root.stat();
            return false;
        } catch (ErrnoException e) {
            if (e.is(Errno.EIO)) {
                return true;
            }
            throw e;
        }
    }

    /// Whether XFS has found metadata of the whole file system wrong (XFS_FSOP_GEOM_SICK_*); what
    /// scrub found, and on newer kernels what was met in use.
    public static boolean xfsSick(Fd root) throws ErrnoException {
        try (var folder = open(root)) {
            return FileSystemGrowth.xfsGeometry(folder).getInt(XFS_GEOM_SICK) != 0;
        }
    }

    /// The counts of a btrfs on one device; EINVAL where there are several.
    public static BtrfsErrors btrfs(Fd root) throws ErrnoException {
        try (var folder = open(root)) {
            var stats =
                    ByteBuffer.allocate(BTRFS_DEV_STATS_SIZE)
                            .order(ByteOrder.nativeOrder())
                            .putLong(0, FileSystemGrowth.btrfsDevice(folder).getLong(0)) // devid
                            .putLong(8, BTRFS_DEV_STAT_VALUES); // nr_items
            folder.ioctl("BTRFS_IOC_GET_DEV_STATS", BTRFS_IOC_GET_DEV_STATS, stats.array());
            return new BtrfsErrors(
                    stats.getLong(24),
                    stats.getLong(32),
                    stats.getLong(40),
                    stats.getLong(48),
                    stats.getLong(56));
        }
    }

    private static Fd open(Fd root) throws ErrnoException {
        return root.openAt(".", OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, 0);
    }
}
