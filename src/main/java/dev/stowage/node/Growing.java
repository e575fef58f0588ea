package dev.stowage.node;

import dev.stowage.linux.FileSystemGrowth;
import dev.stowage.linux.Linux;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Path;

/// Lets a file system take the whole of its device. Sizes are compared first: nothing is asked of
/// the kernel when there is nothing to gain.
final class Growing {
    /// What XFS or btrfs can make use of at all: their block.
    private static final long BLOCK = 4096;

    /// btrfs_ioctl_resize, fs/btrfs/ioctl.c: EINVAL for less.
    private static final long LEAST_BTRFS = 256L << 20;

    private Growing() {}

    /// @param mountPoint a writable mount of the file system on `device`
    static void online(FileSystemType fileSystem, BlockDevice device, Path mountPoint)
            throws IOException {
        var bytes = device.sizeBytes();
        switch (fileSystem) {
            case EXT4, EXT3 -> {
                if (Ext.isSmallerThan(device)) {
                    requireGrowable(device);
                    FileSystemGrowth.ext4(mountPoint, bytes);
                }
            }
            case XFS -> {
                if (bytes - FileSystemGrowth.xfsBytes(mountPoint) >= BLOCK) {
                    FileSystemGrowth.xfs(mountPoint, bytes);
                }
            }
            case BTRFS -> {
                if (bytes - FileSystemGrowth.btrfsBytes(mountPoint) >= BLOCK) {
                    requireBtrfsSize(device);
                    FileSystemGrowth.btrfs(mountPoint, bytes);
                }
            }
        }
    }

    /// What can only be done before the mount: an ext4 that the kernel would not let this process
    /// grow afterwards.
    static void offline(FileSystemType fileSystem, BlockDevice device) throws IOException {
        switch (fileSystem) {
            case EXT4, EXT3 -> {
                if (Ext.isSmallerThan(device) && !Linux.hasCapSysResource()) {
                    Ext.growOffline(fileSystem, device);
                }
            }
            case XFS, BTRFS -> {}
        }
    }

    /// Whether [#online] can do anything at all for a volume of this size.
    static boolean possible(FileSystemType fileSystem, BlockDevice device) {
        return fileSystem != FileSystemType.BTRFS || device.sizeBytes() >= LEAST_BTRFS;
    }

    private static void requireBtrfsSize(BlockDevice device) {
        if (!possible(FileSystemType.BTRFS, device)) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "the kernel resizes no btrfs to less than %d bytes, and %s has %d: expand the volume to that size or more"
                            .formatted(LEAST_BTRFS, device.path(), device.sizeBytes()));
        }
    }

    private static void requireGrowable(BlockDevice device) throws IOException {
        if (!Linux.hasCapSysResource()) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "a mounted ext4 can only be grown with the capability CAP_SYS_RESOURCE, which this driver lacks: add SYS_RESOURCE to securityContext.capabilities.add of the node container, or restart the pod: the volume has its new size and the file system grows when it is staged again");
        }
        if (Ext.hasErrors(device)) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "the file system on %s has errors and can't grow while it is mounted: restart the pod, it is checked when it is staged again"
                            .formatted(device.path()));
        }
    }
}
