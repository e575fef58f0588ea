package dev.stowage.linux;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// Growing a mounted file system, and the sizes to compare first.
///
/// The calls that grow one wait for ever while it is frozen, and a thread that waits so can't be
/// ended, nor can its process. So a program of the file system's own makes them: see
/// docs/decisions/019-growth-hangs-alone.md.
public final class FileSystemGrowth {
    /// fs/xfs/libxfs/xfs_fs.h: _IOR('X', 126, struct xfs_fsop_geom)
    private static final long XFS_IOC_FSGEOMETRY = 0x8100587eL;

    /// linux/btrfs.h: _IOWR(0x94, 30, struct btrfs_ioctl_dev_info_args), _IOR(0x94, 31, struct
    /// btrfs_ioctl_fs_info_args)
    private static final long BTRFS_IOC_DEV_INFO = 0xd000941eL;
    private static final long BTRFS_IOC_FS_INFO = 0x8400941fL;

    /// The tables of many new terabytes are written.
    private static final Duration LIMIT = Duration.ofHours(2);

    private static final Set<Integer> ANY =
            IntStream.range(0, 256).boxed().collect(Collectors.toUnmodifiableSet());

    private FileSystemGrowth() {}

    /// Grows a mounted ext2, ext3 or ext4 to the size of its device, or as far as it can. Refused
    /// without CAP_SYS_RESOURCE.
    ///
    /// @param mountPoint one of its mounts
    /// @throws FrozenException if it is frozen
    /// @throws CommandException with the words of resize2fs(8)
    public static void ext4(Path device, Path mountPoint) throws IOException {
        run(resize2fs(device), mountPoint);
    }

    /// How resize2fs(8) is called for an ext2, ext3 or ext4, mounted or not: it is asked for no
    /// more than the file system can ever have.
    public static List<String> resize2fs(Path device) throws ErrnoException {
        var argv = new ArrayList<>(List.of("resize2fs", device.toString()));
        long bytes;
        try (var fd = Fd.open(device, OpenFlags.O_RDONLY)) {
            bytes = fd.blockDeviceBytes();
        }
        ExtSize.read(device)
                .flatMap(size -> size.blocksToAskFor(bytes))
                .ifPresent(blocks -> argv.add(String.valueOf(blocks)));
        return argv;
    }

    /// The size of an ext2, ext3 or ext4 on this device, mounted or not, from its superblock.
    /// EINVAL where there is none.
    public static long ext4Bytes(Path device) throws ErrnoException {
        return ExtSize.read(device)
                .orElseThrow(
                        () ->
                                new ErrnoException(
                                        "read", device + ", no ext4 superblock", Errno.EINVAL))
                .bytes();
    }

    /// Grows a mounted XFS to the size of its device; the kernel may round down to the allocation
    /// groups it can make.
    ///
    /// @throws FrozenException if it is frozen
    /// @throws CommandException with the words of xfs_growfs(8)
    public static void xfs(Path mountPoint) throws IOException {
        run(List.of("xfs_growfs", "-d", mountPoint.toString()), mountPoint);
    }

    /// The size of the data section of a mounted XFS.
    public static long xfsBytes(Path mountPoint) throws ErrnoException {
        var geometry = xfsGeometry(mountPoint);
        return geometry.getLong(32) * geometry.getInt(0); // datablocks, blocksize
    }

    private static ByteBuffer xfsGeometry(Path mountPoint) throws ErrnoException {
        try (var fd = open(mountPoint)) {
            return xfsGeometry(fd);
        }
    }

    /// struct xfs_fsop_geom
    static ByteBuffer xfsGeometry(Fd fileSystem) throws ErrnoException {
        return ioctl(fileSystem, "XFS_IOC_FSGEOMETRY", XFS_IOC_FSGEOMETRY, structure(256));
    }

    /// Grows a mounted btrfs on one device to that device's size, rounded down to its sectors.
    ///
    /// @throws FrozenException if it is frozen
    /// @throws CommandException with the words of btrfs-filesystem(8)
    public static void btrfs(Path mountPoint) throws IOException {
        var size = btrfsDevice(mountPoint).getLong(0) + ":max"; // devid
        run(List.of("btrfs", "filesystem", "resize", size, mountPoint.toString()), mountPoint);
    }

    private static void run(List<String> argv, Path mountPoint) throws IOException {
        if (FreezeProbe.frozen(mountPoint)) {
            throw new FrozenException(mountPoint);
        }
        try {
            var said = Command.run(argv, LIMIT, ANY, () -> FreezeProbe.frozen(mountPoint));
            if (said.exitCode() != 0) {
                throw new CommandException(argv, said.exitCode(), said.stdout(), said.stderr());
            }
        } catch (CommandException e) {
            if (e.exitCode() == CommandException.HUNG) {
                throw new FrozenException(mountPoint);
            }
            throw e;
        }
    }

    /// What a mounted btrfs uses of its one device.
    public static long btrfsBytes(Path mountPoint) throws ErrnoException {
        return btrfsDevice(mountPoint).getLong(32); // total_bytes
    }

    private static ByteBuffer btrfsDevice(Path mountPoint) throws ErrnoException {
        try (var fd = open(mountPoint)) {
            return btrfsDevice(fd);
        }
    }

    /// struct btrfs_ioctl_dev_info_args of the only device; EINVAL where there are several.
    static ByteBuffer btrfsDevice(Fd fileSystem) throws ErrnoException {
        var found = ioctl(fileSystem, "BTRFS_IOC_FS_INFO", BTRFS_IOC_FS_INFO, structure(1024));
        if (found.getLong(8) != 1) { // num_devices
            throw new ErrnoException(
                    "BTRFS_IOC_FS_INFO", fileSystem + ", of several devices", Errno.EINVAL);
        }
        // With one device left, the highest device id in use is its id.
        var device = structure(4096).putLong(0, found.getLong(0)); // devid, max_id
        return ioctl(fileSystem, "BTRFS_IOC_DEV_INFO", BTRFS_IOC_DEV_INFO, device);
    }

    private static ByteBuffer structure(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.nativeOrder());
    }

    private static ByteBuffer ioctl(Fd fd, String request, long code, ByteBuffer argument)
            throws ErrnoException {
        fd.ioctl(request, code, argument.array());
        return argument;
    }

    private static Fd open(Path mountPoint) throws ErrnoException {
        return Fd.open(
                mountPoint, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW);
    }
}
