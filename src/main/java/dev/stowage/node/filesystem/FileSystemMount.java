package dev.stowage.node.filesystem;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Mounts;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.MountOptions;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Mounts a volume's file system at its staging path. A journal is replayed by the kernel; what
/// the kernel can't mend, fsck may try, for ext and before anything is mounted. An XFS is never
/// repaired here: xfs_repair before the log's replay would throw the log away.
public record FileSystemMount(
        VolumeId volume,
        FileSystemType fileSystem,
        BlockDevice device,
        MountOptions options,
        boolean readOnly) {

    /// @param fresh just made, or mounted elsewhere: there is nothing to check
    public void mount(Path at, boolean fresh) throws IOException {
        try {
            mountOrMend(at, isExt() && !readOnly && !fresh);
        } catch (ErrnoException e) {
            if (readOnly && (e.is(Errno.EROFS) || isDirtyBtrfs())) {
                throw needsReplay(e);
            }
            throw e.call().startsWith("fs") // fsopen, fsconfig, fsmount
                    ? MountRefusal.of(volume, fileSystem, device, options.superblock(), e)
                    : e;
        }
    }

    private void mountOrMend(Path at, boolean mendable) throws IOException {
        if (mendable && Ext.hasErrors(device)) {
            Ext.mend(fileSystem, device);
        }
        try {
            mount(at);
        } catch (ErrnoException e) {
            if (!mendable || !e.is(Errno.EUCLEAN, Errno.EIO, Errno.EINVAL)) {
                throw e;
            }
            mend(e);
            mount(at);
        }
    }

    private void mend(ErrnoException refusal) throws IOException {
        try {
            Ext.mend(fileSystem, device);
        } catch (VolumeException e) {
            throw new VolumeException(
                    e.reason(),
                    "volume %s can't be mounted: %s; %s"
                            .formatted(volume, refusal.getMessage(), e.getMessage()),
                    e);
        }
    }

    private void mount(Path at) throws IOException {
        Mounts.mount(
                fileSystem.kernelName(),
                device.path().toString(),
                at,
                Attributes.staging(options, readOnly),
                superblockOptions());
    }

    private List<String> superblockOptions() {
        var all = new ArrayList<>(options.superblock());
        if (readOnly) {
            all.add("ro");
        }
        if (fileSystem == FileSystemType.XFS && !all.contains("nouuid")) {
            // a clone has its source's uuid, and both may be used on one node
            all.add("nouuid");
        }
        return all;
    }

    private VolumeException needsReplay(ErrnoException refusal) {
        return new VolumeException(
                Reason.FAILED_PRECONDITION,
                "volume %s was not unmounted cleanly and its journal must be replayed, which a read-only use must not do: stage it once for writing (%s)"
                        .formatted(volume, refusal.getMessage()),
                refusal);
    }

    /// Which refuses with EIO.
    private boolean isDirtyBtrfs() throws IOException {
        return fileSystem == FileSystemType.BTRFS && Btrfs.isDirty(device.path());
    }

    private boolean isExt() {
        return switch (fileSystem) {
            case EXT4, EXT3 -> true;
            case XFS, BTRFS -> false;
        };
    }
}
