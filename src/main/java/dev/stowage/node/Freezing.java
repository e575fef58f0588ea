package dev.stowage.node;

import dev.stowage.linux.BlockStatistics;
import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Freeze;
import dev.stowage.linux.FreezeProbe;
import dev.stowage.linux.Linux;
import dev.stowage.linux.MountPoint;
import dev.stowage.linux.MountTable;
import dev.stowage.linux.OpenFlags;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.node.device.Connectors;
import dev.stowage.node.filesystem.DeviceRelease;
import dev.stowage.spi.FreezeNotes;
import dev.stowage.spi.Freezer;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Freezes the file systems of volumes that this node has mounted, and thaws at start what an
/// earlier driver left frozen.
///
/// One that its user has frozen, for a backup of its own, is left to that user: it stands still
/// already, and is frozen afterwards as it was before. Only what a driver of ours froze and noted
/// is ever thawed.
public final class Freezing implements Freezer {
    private static final Logger LOG = LoggerFactory.getLogger(Freezing.class);

    private final Connectors connectors;
    private final FreezeNotes notes;

    public Freezing(Connectors connectors, FreezeNotes notes) {
        this.connectors = connectors;
        this.notes = notes;
    }

    @Override
    public Frozen freeze(List<VolumeId> volumes, Duration bound) throws IOException {
        var roots = new ArrayList<Fd>();
        var still = new ArrayList<StillDevice>();
        var toFreeze = new ArrayList<Fd>();
        var ours = new ArrayList<FreezeNotes.Frozen>();
        try {
            for (var volume : volumes) {
                for (var device : writable(volume)) {
                    var root = root(volume, device);
                    roots.add(root);
                    if (FreezeProbe.frozen(root)) {
                        LOG.info("volume {} is frozen by its user and copied so", volume);
                        still.add(StillDevice.now(root, device));
                    } else {
                        toFreeze.add(root);
                        ours.add(frozen(volume, device));
                    }
                }
            }
            return new FrozenVolumes(volumes, roots, still, frozen(toFreeze, ours, bound));
        } catch (IOException | RuntimeException e) {
            roots.forEach(Fd::close);
            throw e;
        }
    }

    private static FreezeNotes.Frozen frozen(VolumeId volume, BlockDevice device)
            throws IOException {
        return new FreezeNotes.Frozen(
                volume, device.number(), BlockStatistics.sequence(device.number()));
    }

    private OurFreeze frozen(List<Fd> roots, List<FreezeNotes.Frozen> ours, Duration bound)
            throws IOException {
        if (roots.isEmpty()) {
            return new OurFreeze(Optional.empty(), Optional.empty());
        }
        var note = notes.write(ours);
        try {
            return new OurFreeze(
                    Optional.of(Freeze.of(roots, bound, note.file())), Optional.of(note));
        } catch (IOException | RuntimeException e) {
            note.close();
            if (e instanceof ErrnoException errno && errno.is(Errno.EBUSY)) {
                throw new VolumeException(
                        Reason.BUSY,
                        "%s was frozen by somebody else at this moment; retry"
                                .formatted(errno.subject()),
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
        var root = mount.open(flags);
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

    /// Thaws what drivers before this one froze and noted, also where it was unmounted meanwhile:
    /// they are gone. What fails is logged and left.
    public void thawLeftovers() {
        notes.thawLeftovers(this::thaw);
    }

    private void thaw(FreezeNotes.Frozen noted) throws IOException {
        for (var device : connectors.devices(noted.volume())) {
            if (device.number().equals(noted.device())
                    && BlockStatistics.sequence(device.number()).equals(noted.sequence())) {
                thaw(device);
            }
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

    /// A file system that was found frozen, and what had been written to its device by then.
    private record StillDevice(Fd root, String device, String writes) {
        static StillDevice now(Fd root, BlockDevice device) throws IOException {
            return new StillDevice(root, device.number(), BlockStatistics.writes(device.number()));
        }

        boolean stayed() throws IOException {
            return FreezeProbe.frozen(root) && BlockStatistics.writes(device).equals(writes);
        }
    }

    /// What this driver froze, if anything was left to freeze, and its note.
    private record OurFreeze(Optional<Freeze> freeze, Optional<FreezeNotes.Note> note) {
        boolean thaw() throws ErrnoException {
            var stayed = freeze.isEmpty() || freeze.get().thaw();
            note.ifPresent(FreezeNotes.Note::close);
            return stayed;
        }

        /// The note stays where the thaw failed.
        void close() {
            if (freeze.isEmpty() || freeze.get().closed()) {
                note.ifPresent(FreezeNotes.Note::close);
            }
        }
    }

    private record FrozenVolumes(
            List<VolumeId> volumes, List<Fd> roots, List<StillDevice> still, OurFreeze ours)
            implements Frozen {
        @Override
        public void thaw() throws IOException {
            var stayed = true;
            for (var each : still) {
                stayed &= each.stayed();
            }
            stayed &= ours.thaw();
            ours.freeze()
                    .ifPresent(
                            freeze ->
                                    LOG.info(
                                            "{} stood still for {} ms",
                                            volumes,
                                            freeze.since().toMillis()));
            if (!stayed) {
                throw new VolumeException(
                        Reason.BUSY,
                        "volumes %s did not stay frozen until they were copied: the disk is too slow, or somebody thawed them; retry"
                                .formatted(volumes));
            }
        }

        @Override
        public void close() {
            ours.close();
            roots.forEach(Fd::close);
        }
    }
}
