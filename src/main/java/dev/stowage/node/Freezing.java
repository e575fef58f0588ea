package dev.stowage.node;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Freeze;
import dev.stowage.linux.Linux;
import dev.stowage.linux.MountPoint;
import dev.stowage.linux.MountTable;
import dev.stowage.linux.OpenFlags;
import dev.stowage.volume.Freezer;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Freezes the file systems of volumes that this node has mounted, and thaws at start what an
/// earlier driver left frozen.
public final class Freezing implements Freezer {
    private static final Logger LOG = LoggerFactory.getLogger(Freezing.class);

    private final Connectors connectors;

    public Freezing(Connectors connectors) {
        this.connectors = connectors;
    }

    @Override
    public Frozen freeze(List<VolumeId> volumes, Duration bound) throws IOException {
        var roots = new ArrayList<Fd>();
        try {
            for (var volume : volumes) {
                for (var device : writable(volume)) {
                    roots.add(root(volume, device));
                }
            }
            return new FrozenVolumes(volumes, roots, frozen(roots, bound));
        } catch (IOException | RuntimeException e) {
            roots.forEach(Fd::close);
            throw e;
        }
    }

    private static Freeze frozen(List<Fd> roots, Duration bound) throws IOException {
        try {
            return Freeze.of(roots, bound);
        } catch (ErrnoException e) {
            if (e.is(Errno.EBUSY)) {
                throw new VolumeException(
                        Reason.BUSY,
                        "%s is frozen already, by somebody else: thaw it (fsfreeze --unfreeze), and retry"
                                .formatted(e.subject()),
                        e);
            }
            throw e;
        }
    }

    private List<BlockDevice> writable(VolumeId volume) throws IOException {
        var devices = connectors.devices(volume);
        if (devices.isEmpty()) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "volume %s is used on this machine by something that is not this driver, or not used any more: end that use, or retry"
                            .formatted(volume));
        }
        return devices.stream().filter(device -> !device.readOnly()).toList();
    }

    private static Fd root(VolumeId volume, BlockDevice device) throws IOException {
        var mounts = new VolumeMounts(MountTable.read(), List.of(device));
        var reached = mounts.fileSystems(device);
        if (reached.isEmpty()) {
            throw unreachable(volume, device, mounts);
        }
        var best = reached.stream().filter(VolumeMounts::isStaging).findFirst();
        var mount = best.orElse(reached.getFirst());
        return open(mount)
                .orElseThrow(
                        () ->
                                new VolumeException(
                                        Reason.BUSY,
                                        "the mounts of volume %s change at this moment; retry"
                                                .formatted(volume)));
    }

    private static VolumeException unreachable(
            VolumeId volume, BlockDevice device, VolumeMounts mounts) throws IOException {
        if (mounts.uses(device)) {
            return new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "volume %s is in use as a raw block device, which can't be frozen: end the use (stop its pods)"
                            .formatted(volume));
        }
        if (device.held()) {
            return new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "the file system of volume %s is mounted where this driver does not see it: only the driver on the node, in its mount namespace, can freeze it"
                            .formatted(volume));
        }
        return new VolumeException(
                Reason.BUSY, "volume %s is being staged or unstaged; retry".formatted(volume));
    }

    /// The root of the mount; empty if something else is there by now.
    private static Optional<Fd> open(MountPoint mount) throws IOException {
        var flags = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW;
        var root = Fd.open(Path.of(mount.path()), flags);
        try {
            if (MountId.of(root) == mount.id()) {
                return Optional.of(root);
            }
        } catch (IOException e) {
            root.close();
            throw e;
        }
        root.close();
        return Optional.empty();
    }

    /// Thaws every file system of these pools' volumes on this node that is frozen, also one that
    /// was unmounted meanwhile: the driver that froze it is gone. Another driver of this node, with
    /// other pools, may be at work. What fails is logged and left.
    public void thawLeftovers(Set<String> poolTags) {
        try {
            for (var device : connectors.devices(poolTags)) {
                thawLeftover(device);
            }
        } catch (IOException e) {
            LOG.warn("whether a volume was left frozen can't be seen", e);
        }
    }

    private static void thawLeftover(BlockDevice device) {
        try {
            thaw(device);
        } catch (IOException | RuntimeException e) {
            LOG.warn("whether a file system on {} was left frozen can't be seen", device, e);
        }
    }

    private static void thaw(BlockDevice device) throws IOException {
        var mounts = new VolumeMounts(MountTable.read(), List.of(device));
        var reached = mounts.fileSystems(device).stream().findFirst();
        if (reached.isPresent()) {
            try (var root = open(reached.get()).orElse(null)) {
                if (root != null && Linux.thaw(root)) {
                    LOG.warn("{} was frozen; it was thawed", reached.get().path());
                }
            }
        } else if (device.held() && !mounts.uses(device)) {
            var _ = DeviceRelease.thawUnmounted(device);
        }
    }

    private record FrozenVolumes(List<VolumeId> volumes, List<Fd> roots, Freeze freeze)
            implements Frozen {
        @Override
        public void thaw() throws IOException {
            var stayed = freeze.thaw();
            LOG.info("{} stood still for {} ms", volumes, freeze.since().toMillis());
            if (!stayed) {
                throw new VolumeException(
                        Reason.BUSY,
                        "volumes %s did not stay frozen until they were copied (for %d ms): the disk is too slow, or somebody thawed them; retry"
                                .formatted(volumes, freeze.since().toMillis()));
            }
        }

        @Override
        public void close() {
            freeze.close();
            roots.forEach(Fd::close);
        }
    }
}
