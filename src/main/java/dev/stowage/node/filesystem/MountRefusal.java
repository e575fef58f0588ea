package dev.stowage.node.filesystem;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.List;
import java.util.regex.Pattern;

/// Says for a person why the kernel refused to mount a file system, and what to do about it.
public final class MountRefusal {
    /// BLK_STS_NOSPC in block/blk-core.c, and errno 28 in the words of file systems.
    private static final Pattern NO_SPACE =
            Pattern.compile("critical space allocation error|ENOSPC|error -28\\b");

    private MountRefusal() {}

    /// @param options that were asked for with it
    /// @param refusal with the kernel's own words, as far as it had any
    public static IOException of(
            VolumeId volume,
            FileSystemType fileSystem,
            BlockDevice device,
            List<String> options,
            ErrnoException refusal) {
        return new IOException(
                "volume %s can't be mounted: %s; %s"
                        .formatted(
                                volume,
                                refusal.getMessage(),
                                nextStep(fileSystem, device, options, refusal)),
                refusal);
    }

    private static String nextStep(
            FileSystemType fileSystem,
            BlockDevice device,
            List<String> options,
            ErrnoException refusal) {
        try {
            var obstacle = Superblocks.obstacle(fileSystem, device.path(), device.sizeBytes());
            if (obstacle.isPresent()) {
                return obstacle.get();
            }
        } catch (IOException e) {
            return "it can't be read: %s".formatted(e.getMessage());
        }
        var step = nextStep(fileSystem, refusal);
        return options.isEmpty() || !refusal.is(Errno.EINVAL)
                ? step
                : "see whether its mount options %s are right; %s".formatted(options, step);
    }

    static String nextStep(FileSystemType fileSystem, ErrnoException refusal) {
        if (refusal.subject().contains(", option ")) {
            return "change the mount options of its StorageClass or PersistentVolume";
        }
        if (saysNoSpace(refusal)) {
            return "the disk below it is full, so that its journal can't be replayed: delete volumes of its pool, or files beside them, and try again";
        }
        return switch (refusal.errno()) {
            case ENODEV ->
                    "this kernel does not have %1$s: load its module (modprobe %1$s) on the node"
                            .formatted(fileSystem.kernelName());
            case EPERM, EACCES -> "mounting needs root with CAP_SYS_ADMIN";
            case EBUSY -> "end what has the device open, or mounted in another way";
            case EEXIST ->
                    "a btrfs with the same fsid is in use on this machine, which Linux before 6.7 does not allow: unmount that one first";
            case ENOMEM, EINTR, EAGAIN, ENFILE, EMFILE -> "try it again later";
            default ->
                    "if it is damaged, repair it while it is not in use (%s); if it has features that this kernel lacks, use a newer one, or copy its files"
                            .formatted(repair(fileSystem));
        };
    }

    /// A loop device turns the ENOSPC of its file into an I/O error, which the kernel explains.
    private static boolean saysNoSpace(ErrnoException refusal) {
        return refusal.is(Errno.ENOSPC, Errno.EDQUOT)
                || NO_SPACE.matcher(refusal.getMessage()).find();
    }

    private static String repair(FileSystemType fileSystem) {
        return switch (fileSystem) {
            case EXT4, EXT3 -> "fsck.%s -f".formatted(fileSystem.kernelName());
            case XFS -> "xfs_repair";
            case BTRFS -> "btrfs check";
        };
    }
}
