package dev.stowage.node;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.FreezeProbe;
import dev.stowage.linux.FrozenException;
import dev.stowage.linux.MountPoint;
import dev.stowage.linux.Mounts;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.node.device.Wait;
import dev.stowage.node.filesystem.Attributes;
import dev.stowage.node.filesystem.Growing;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Grows a file system that can't grow while it is mounted, and that is staged and not published:
/// it is unmounted for as long as that takes, and mounted again as it was. The kubelet grows a
/// volume after it staged and before it published it, so that a pod starts with the new size.
///
/// Killed in between, the volume is connected and mounted nowhere, which tells the next attempt
/// ([Growth#interrupted]).
final class StagedGrowth {
    private static final Logger LOG = LoggerFactory.getLogger(StagedGrowth.class);

    /// What mountinfo shows of a superblock that is no option, or the default.
    private static final Set<String> NO_OPTIONS = Set.of("rw", "seclabel");

    /// What the superblock may take to be gone after its unmount.
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    private final VolumeId id;
    private final FileSystemType fileSystem;
    private final BlockDevice device;
    private final MountPoint mount;

    /// @param mount its staging, and the only mount of it
    static StagedGrowth of(VolumeId id, MountPoint mount, VolumeMounts mounts) {
        for (var device : mounts.devices()) {
            if (mounts.fileSystems(device).contains(mount)) {
                return new StagedGrowth(id, FileSystemType.require(mount.type()), device, mount);
            }
        }
        throw new VolumeException(
                Reason.BUSY, "the mounts of volume %s change at this moment; retry".formatted(id));
    }

    private StagedGrowth(
            VolumeId id, FileSystemType fileSystem, BlockDevice device, MountPoint mount) {
        this.id = id;
        this.fileSystem = fileSystem;
        this.device = device;
        this.mount = mount;
    }

    /// Whether this mount is the only one of the volume, and its staging.
    static boolean possible(VolumeMounts mounts, MountPoint mount) throws IOException {
        return VolumeMounts.isStaging(mount)
                && mounts.except(Path.of(mount.path())).isEmpty()
                && mounts.at(Path.of(mount.path())).size() == 1;
    }

    /// @throws VolumeException FAILED_PRECONDITION if something uses the staging; DAMAGED with the
    ///     volume left unmounted, as a stage would leave it
    /// @throws CommandException if it did not grow; it is mounted as before
    void grow() throws IOException {
        var at = Path.of(mount.path());
        if (FreezeProbe.frozen(at)) {
            throw new FrozenException(at);
        }
        // What can't be said again must not be unmounted.
        Mounts.requireKnown(mount.type(), device.path().toString(), options());
        unmount(at);
        try {
            growUnmounted();
        } catch (IOException | RuntimeException e) {
            if (!(e instanceof VolumeException refused) || refused.reason() != Reason.DAMAGED) {
                remount(at, e);
            }
            throw e;
        }
        remount(at);
    }

    private void unmount(Path at) throws IOException {
        try {
            Mounts.unmount(at);
        } catch (ErrnoException e) {
            if (e.is(Errno.EBUSY)) {
                throw inUse("a program has something open at " + at);
            }
            throw e;
        }
    }

    private void growUnmounted() throws IOException {
        if (!Wait.until(PATIENCE, () -> !device.held())) {
            throw inUse("another mount namespace has it mounted");
        }
        LOG.info("growing the file system of volume {} before it is published", id);
        Growing.offline(fileSystem, device);
    }

    private VolumeException inUse(String how) {
        return new VolumeException(
                Reason.FAILED_PRECONDITION,
                "the %s of volume %s can't grow while it is mounted, and is in use (%s): it grows when it is next staged"
                        .formatted(fileSystem, id, how));
    }

    private void remount(Path at, Exception failure) {
        try {
            remount(at);
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    private void remount(Path at) throws IOException {
        var attributes = Attributes.of(mount);
        var made =
                OneMount.make(
                        at,
                        () ->
                                Mounts.mount(
                                        mount.type(),
                                        device.path().toString(),
                                        at,
                                        attributes,
                                        options()));
        if (!made.superblock().equals(mount.superblock())) {
            LOG.warn(
                    "volume {} was mounted with {}, and after its growth with {}",
                    id,
                    mount.superblock(),
                    made.superblock());
        }
    }

    private List<String> options() {
        return mount.superblock().stream()
                .filter(option -> !NO_OPTIONS.contains(option))
                .map(option -> option.replace("\"", "")) // an SELinux context
                .toList();
    }
}
