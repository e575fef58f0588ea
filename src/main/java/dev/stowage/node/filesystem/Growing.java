package dev.stowage.node.filesystem;

import dev.stowage.linux.ExtSize;
import dev.stowage.linux.FileSystemGrowth;
import dev.stowage.linux.Linux;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/// Lets a file system take the whole of its device. Sizes are compared first: nothing is asked of
/// the kernel when there is nothing to gain.
public final class Growing {
    /// What btrfs can make use of at all: its sector.
    private static final long BLOCK = 4096;

    /// XFS_MIN_AG_BLOCKS, fs/xfs/libxfs/xfs_fs.h: what is less stays unused.
    private static final long LEAST_XFS_BLOCKS = 64;

    /// btrfs_ioctl_resize, fs/btrfs/ioctl.c: EINVAL for less.
    private static final long LEAST_BTRFS = 256L << 20;

    /// Images have whole MiB.
    private static final long GRANULARITY = 1L << 20;

    private static final String TRIED_AGAIN =
            "it is tried again when the volume is expanded or next staged on a node, and the log of the node's driver says what failed";

    private Growing() {}

    /// @param mountPoint a writable mount of the file system on `device`
    /// @throws VolumeException OUT_OF_RANGE if it can never be as large as its device;
    ///     FAILED_PRECONDITION if it can't grow while it is mounted
    public static void online(FileSystemType fileSystem, BlockDevice device, Path mountPoint)
            throws IOException {
        switch (fileSystem) {
            case EXT4, EXT3 -> {
                if (Ext.isSmallerThan(device)) {
                    requireGrowable(device);
                    FileSystemGrowth.ext4(device.path(), mountPoint);
                }
                requirePossible(device);
            }
            case XFS -> {
                if (unusedByXfs(device, mountPoint)) {
                    FileSystemGrowth.xfs(mountPoint);
                }
            }
            case BTRFS -> {
                if (unusedByBtrfs(device, mountPoint)) {
                    requireBtrfsSize(device);
                    FileSystemGrowth.btrfs(mountPoint);
                }
            }
        }
    }

    /// What can only be done before the mount: an ext4 that the kernel would not let this process
    /// grow afterwards.
    public static void offline(FileSystemType fileSystem, BlockDevice device) throws IOException {
        switch (fileSystem) {
            case EXT4, EXT3 -> {
                if (growsOnlyUnmounted(device)) {
                    Ext.growOffline(fileSystem, device);
                }
            }
            case XFS, BTRFS -> {}
        }
    }

    /// Why the file system, which is mounted writable, is smaller than its device and what changes
    /// that; empty if it is not.
    public static Optional<String> shortfall(
            FileSystemType fileSystem, BlockDevice device, Path mountPoint) throws IOException {
        return switch (fileSystem) {
            case EXT4, EXT3 -> extShortfall(device);
            case XFS ->
                    unusedByXfs(device, mountPoint) ? Optional.of(TRIED_AGAIN) : Optional.empty();
            case BTRFS -> {
                if (!unusedByBtrfs(device, mountPoint)) {
                    yield Optional.empty();
                }
                yield Optional.of(possible(fileSystem, device) ? TRIED_AGAIN : tooSmall(device));
            }
        };
    }

    private static Optional<String> extShortfall(BlockDevice device) throws IOException {
        var size = ExtSize.read(device.path());
        if (size.filter(found -> isHopeless(found, device)).isPresent()) {
            return Optional.of(hopeless(size.get()));
        }
        if (growsOnlyUnmounted(device)) {
            return Optional.of(
                    "it can't grow while it is mounted on this node and does when it is next staged: stop the volume's pods on this node and start them again");
        }
        return size.filter(found -> found.growsOn(device.sizeBytes())).map(_ -> TRIED_AGAIN);
    }

    /// Whether [#online] can do anything at all for a volume of this size.
    public static boolean possible(FileSystemType fileSystem, BlockDevice device) {
        return fileSystem != FileSystemType.BTRFS || device.sizeBytes() >= LEAST_BTRFS;
    }

    /// Whether it is an ext4 smaller than its device that can't be grown while it is mounted here.
    public static boolean growsOnlyUnmounted(BlockDevice device) throws IOException {
        var size = ExtSize.read(device.path()).filter(ext -> ext.growsOn(device.sizeBytes()));
        return size.isPresent() && !(Linux.hasCapSysResource() && size.get().growsMounted());
    }

    private static boolean unusedByXfs(BlockDevice device, Path mountPoint) throws IOException {
        var least = LEAST_XFS_BLOCKS * Linux.statfs(mountPoint).blockSize();
        return device.sizeBytes() - FileSystemGrowth.xfsBytes(mountPoint) >= least;
    }

    private static boolean unusedByBtrfs(BlockDevice device, Path mountPoint) throws IOException {
        return device.sizeBytes() - FileSystemGrowth.btrfsBytes(mountPoint) >= BLOCK;
    }

    private static boolean isHopeless(ExtSize size, BlockDevice device) {
        return device.sizeBytes() - size.largestBytes() >= GRANULARITY;
    }

    private static String hopeless(ExtSize size) {
        return "it can never have more than %d bytes%s: copy its content to a new volume"
                .formatted(
                        size.largestBytes(),
                        size.obstacle().map(why -> " (" + why + ")").orElse(""));
    }

    private static void requirePossible(BlockDevice device) throws IOException {
        var size = ExtSize.read(device.path());
        if (size.filter(found -> isHopeless(found, device)).isPresent()) {
            throw new VolumeException(
                    Reason.OUT_OF_RANGE,
                    "the file system on %s does not use all of its %d bytes: %s"
                            .formatted(device.path(), device.sizeBytes(), hopeless(size.get())));
        }
    }

    private static void requireBtrfsSize(BlockDevice device) {
        if (!possible(FileSystemType.BTRFS, device)) {
            throw new VolumeException(Reason.FAILED_PRECONDITION, tooSmall(device));
        }
    }

    private static String tooSmall(BlockDevice device) {
        return "the kernel resizes no btrfs to less than %d bytes, and %s has %d: expand the volume to that size or more"
                .formatted(LEAST_BTRFS, device.path(), device.sizeBytes());
    }

    private static String whyNotMounted() throws IOException {
        return Linux.hasCapSysResource()
                ? ""
                : ", which takes the capability CAP_SYS_RESOURCE (%s)"
                        .formatted(SysResource.advice());
    }

    private static void requireGrowable(BlockDevice device) throws IOException {
        if (growsOnlyUnmounted(device)) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "the file system on %s can't grow while it is mounted%s: its device has the new size, and it grows when all pods with the volume on this node are stopped and one is started again"
                            .formatted(device.path(), whyNotMounted()));
        }
        if (Ext.hasErrors(device)) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "the file system on %s has errors and can't grow while it is mounted: restart the pod, it is checked when it is staged again"
                            .formatted(device.path()));
        }
    }
}
