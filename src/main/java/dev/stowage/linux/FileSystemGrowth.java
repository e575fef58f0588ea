package dev.stowage.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/// Growing a mounted file system, and the sizes to compare first: the kernel's growth calls shrink,
/// fail or do nothing in different ways when asked for less than there is.
public final class FileSystemGrowth {
    /// fs/ext4/ext4.h, _IOW('f', 16, __u64): the new number of blocks
    private static final long EXT4_IOC_RESIZE_FS = 0x40086610L;

    /// fs/xfs/libxfs/xfs_fs.h: _IOR('X', 126, struct xfs_fsop_geom), _IOW('X', 110, struct
    /// xfs_growfs_data)
    private static final long XFS_IOC_FSGEOMETRY = 0x8100587eL;

    private static final long XFS_IOC_FSGROWFSDATA = 0x4010586eL;

    /// linux/btrfs.h: _IOW(0x94, 3, struct btrfs_ioctl_vol_args), _IOWR(0x94, 30, struct
    /// btrfs_ioctl_dev_info_args), _IOR(0x94, 31, struct btrfs_ioctl_fs_info_args)
    private static final long BTRFS_IOC_RESIZE = 0x50009403L;

    private static final long BTRFS_IOC_DEV_INFO = 0xd000941eL;
    private static final long BTRFS_IOC_FS_INFO = 0x8400941fL;

    private FileSystemGrowth() {}

    /// Grows a mounted ext2, ext3 or ext4 to the whole blocks that fit into `bytes`. EPERM without
    /// CAP_SYS_RESOURCE, also for the size it has. To smaller sizes: EINVAL.
    public static void ext4(Path mountPoint, long bytes) throws ErrnoException {
        var blocks = structure(Long.BYTES).putLong(0, bytes / Usage.read(mountPoint).blockSize());
        ioctl(mountPoint, "EXT4_IOC_RESIZE_FS", EXT4_IOC_RESIZE_FS, blocks);
    }

    /// The size of an ext2, ext3 or ext4 on this device, mounted or not, from its superblock.
    /// EINVAL where there is none.
    public static long ext4Bytes(Path device) throws ErrnoException {
        // struct ext4_super_block (fs/ext4/ext4.h) lies at byte 1024, little endian everywhere.
        var superblock = ByteBuffer.allocate(1024).order(ByteOrder.LITTLE_ENDIAN);
        try (var fd = Fd.open(device, OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW)) {
            while (superblock.hasRemaining()
                    && fd.read(superblock, 1024 + superblock.position()) > 0) {
                // a short read goes on where it ended
            }
        }
        if (superblock.hasRemaining()
                || Short.toUnsignedLong(superblock.getShort(0x38)) != Usage.EXT4) {
            throw new ErrnoException("read", device + ", no ext4 superblock", Errno.EINVAL);
        }
        var blocks = Integer.toUnsignedLong(superblock.getInt(0x4)); // s_blocks_count_lo
        var wide = (superblock.getInt(0x60) & 0x80) != 0; // s_feature_incompat, INCOMPAT_64BIT
        if (wide) {
            blocks |= Integer.toUnsignedLong(superblock.getInt(0x150)) << 32; // s_blocks_count_hi
        }
        return blocks << (10 + superblock.getInt(0x18)); // s_log_block_size
    }

    /// Grows a mounted XFS to the whole blocks that fit into `bytes`. ENOSPC where the device is
    /// smaller; for a little more than it has the kernel may round down to the allocation groups it
    /// can make.
    public static void xfs(Path mountPoint, long bytes) throws ErrnoException {
        var geometry = xfsGeometry(mountPoint);
        var growth =
                structure(16) // struct xfs_growfs_data
                        .putLong(0, bytes / geometry.getInt(0)) // newblocks
                        .putInt(8, geometry.getInt(28)); // imaxpct, as it is
        ioctl(mountPoint, "XFS_IOC_FSGROWFSDATA", XFS_IOC_FSGROWFSDATA, growth);
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

    /// Grows (or shrinks) a mounted btrfs on one device to `bytes`, rounded down to its sectors.
    /// EFBIG where the device is smaller.
    public static void btrfs(Path mountPoint, long bytes) throws ErrnoException {
        var size = btrfsDevice(mountPoint).getLong(0) + ":" + bytes; // devid
        var arguments = structure(4096).put(8, size.getBytes(StandardCharsets.US_ASCII)); // name
        ioctl(mountPoint, "BTRFS_IOC_RESIZE", BTRFS_IOC_RESIZE, arguments);
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

    private static void ioctl(Path mountPoint, String request, long code, ByteBuffer argument)
            throws ErrnoException {
        try (var fd = open(mountPoint)) {
            var _ = ioctl(fd, request, code, argument);
        }
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
