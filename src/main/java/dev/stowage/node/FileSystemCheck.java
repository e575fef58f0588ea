package dev.stowage.node;

import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.FileSystemHealth;
import dev.stowage.linux.MountPoint;
import dev.stowage.linux.MountTable;
import dev.stowage.linux.OpenFlags;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.node.device.Connectors;
import dev.stowage.node.filesystem.Growing;
import dev.stowage.spi.VolumeCheck;
import dev.stowage.volume.Condition;
import dev.stowage.volume.Fault;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What the kernel has seen go wrong in the file system of a volume that is mounted here.
public final class FileSystemCheck implements VolumeCheck {
    private final Connectors connectors;

    public FileSystemCheck(Connectors connectors) {
        this.connectors = connectors;
    }

    @Override
    public List<Condition> conditions(VolumeId id) throws IOException {
        var mounts = new VolumeMounts(MountTable.read(), connectors.find(id).known());
        var conditions = new ArrayList<Condition>();
        for (var device : mounts.devices()) {
            var mounted = mounts.fileSystems(device);
            if (!mounted.isEmpty()) {
                look(id, device, mounted, conditions);
            }
        }
        return conditions;
    }

    private static void look(
            VolumeId id, BlockDevice device, List<MountPoint> mounted, List<Condition> conditions)
            throws IOException {
        if (mounted.stream().anyMatch(MountPoint::shutDown)) {
            conditions.add(shutDown(id, mounted.getFirst()));
            return;
        }
        mounted.stream()
                .filter(mount -> !mount.readOnly() && mount.refusesWrites())
                .findFirst()
                .map(mount -> readOnly(id, mount))
                .ifPresent(conditions::add);
        var errors = errors(id, device, mounted.getFirst());
        errors.ifPresent(conditions::add);
        if (errors.isEmpty()) {
            notGrown(id, device, mounted.getFirst()).ifPresent(conditions::add);
        }
    }

    private static Optional<Condition> notGrown(VolumeId id, BlockDevice device, MountPoint mount)
            throws IOException {
        var fileSystem = FileSystemType.named(mount.type());
        if (fileSystem.isEmpty() || mount.refusesWrites()) {
            return Optional.empty();
        }
        return atRoot(
                mount,
                _ ->
                        Growing.shortfall(fileSystem.get(), device, Path.of(mount.path()))
                                .map(why -> notGrown(id, device, mount, why)));
    }

    private static Condition notGrown(
            VolumeId id, BlockDevice device, MountPoint mount, String why) {
        return new Condition(
                Fault.FILE_SYSTEM_NOT_GROWN,
                "the %s of volume %s does not use all of the %d bytes that the volume has: %s"
                        .formatted(mount.type(), id, device.sizeBytes(), why));
    }

    private static Condition readOnly(VolumeId id, MountPoint mount) {
        return new Condition(
                Fault.FILE_SYSTEM_READ_ONLY,
                "the %s of volume %s takes no more writes, though it is mounted writable at %s: look at the kernel's log (dmesg) for the reason; when nothing uses the volume any more it is checked before it is mounted again"
                        .formatted(mount.type(), id, mount.path()));
    }

    private static Condition shutDown(VolumeId id, MountPoint mount) {
        return new Condition(
                Fault.FILE_SYSTEM_SHUT_DOWN,
                "the kernel has shut down the %s of volume %s after an error, and every access fails: look at its log (dmesg), end all pods with the volume on this node, and start them again"
                        .formatted(mount.type(), id));
    }

    private static Optional<Condition> errors(VolumeId id, BlockDevice device, MountPoint mount)
            throws IOException {
        return switch (mount.type()) {
            case "ext4", "ext3", "ext2" -> extErrors(id, device);
            case "xfs" -> atRoot(mount, root -> xfs(id, mount, root));
            case "btrfs" -> atRoot(mount, root -> btrfsErrors(id, root));
            default -> Optional.empty();
        };
    }

    private static Optional<Condition> extErrors(VolumeId id, BlockDevice device)
            throws IOException {
        return FileSystemHealth.ext(String.valueOf(device.path().getFileName()))
                .filter(errors -> errors.count() > 0)
                .map(
                        errors ->
                                errors(
                                        "ext4 of volume %s has seen %d errors, the first at %s, the last at %s in %s: back the volume up, then end its pods on this node so that it is checked (fsck) at its next stage"
                                                .formatted(
                                                        id,
                                                        errors.count(),
                                                        errors.first(),
                                                        errors.last(),
                                                        errors.lastFunction())));
    }

    private static Optional<Condition> xfs(VolumeId id, MountPoint mount, Fd root)
            throws ErrnoException {
        if (FileSystemHealth.xfsShutDown(root)) {
            return Optional.of(shutDown(id, mount));
        }
        return FileSystemHealth.xfsSick(root)
                ? Optional.of(
                        errors(
                                "XFS of volume %s has found its own metadata wrong: back the volume up, end its pods, and run xfs_repair on its image while it is not staged"
                                        .formatted(id)))
                : Optional.empty();
    }

    private static Optional<Condition> btrfsErrors(VolumeId id, Fd root) throws ErrnoException {
        var seen = FileSystemHealth.btrfs(root);
        return seen.none()
                ? Optional.empty()
                : Optional.of(
                        errors(
                                "btrfs of volume %s has counted errors of its device (write %d, read %d, flush %d, corruption %d, generation %d): look at the kernel's log (dmesg) for the files, restore them, then reset the counts with btrfs device stats -z"
                                        .formatted(
                                                id,
                                                seen.writes(),
                                                seen.reads(),
                                                seen.flushes(),
                                                seen.corruptions(),
                                                seen.generations())));
    }

    private static Condition errors(String message) {
        return new Condition(Fault.FILE_SYSTEM_ERRORS, message);
    }

    private interface Look {
        Optional<Condition> at(Fd root) throws IOException;
    }

    /// Nothing where the mount went away meanwhile, or something else covers it.
    private static Optional<Condition> atRoot(MountPoint mount, Look look) throws IOException {
        var flags = OpenFlags.O_PATH | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW;
        try (var root = mount.open(flags)) {
            return MountId.of(root) == mount.id() ? look.at(root) : Optional.empty();
        }
    }
}
