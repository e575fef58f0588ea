package dev.stowage.backend.file;

import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What a pool has while it is open: its folders, sums, locks and its background thread.
///
/// @param readOnly its disk could not be written when it was opened
record OpenPool(
        PoolId identity,
        boolean shared,
        boolean readOnly,
        PoolFolder folder,
        Nonces nonces,
        Sickness sickness,
        Durable durable,
        OpenFolders folders,
        Reservations reservations,
        Background background,
        Rescan rescan,
        FileSystemTrial trial,
        FileTimes times,
        DriverLocks driverLocks,
        PoolLock lock)
        implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(OpenPool.class);

    /// What the one who opens a pool brings along.
    record Opening(
            FilePoolSettings settings,
            PoolFolder folder,
            boolean readOnly,
            Instance instance,
            Nonces nonces,
            Sickness sickness,
            Durable durable,
            PoolLock lock) {}

    /// Clears what the dead left, tries out the file system, and counts. What of that needs room or
    /// a disk that can be written is left for later where there is none. All that was taken is
    /// released where it fails.
    static OpenPool start(Opening opening, PoolId identity) throws IOException {
        var settings = opening.settings();
        var folder = opening.folder();
        var background = new Background(settings.name());
        var taken = new ArrayDeque<AutoCloseable>(List.of(background));
        try {
            var locks = driverLocks(opening);
            taken.push(locks);
            if (!opening.readOnly()) {
                new Sweep(folder, !settings.shared(), locks::isDead).run();
                locks.sweep();
            }
            var trial = FileSystemTrial.of(folder, opening.nonces(), opening.readOnly());
            var folders = OpenFolders.of(folder);
            taken.push(folders);
            var reservations =
                    new Reservations(folder.root(), opening.instance(), settings.overcommit());
            var rescan =
                    new Rescan(
                            folder, reservations, background, settings.shared(), trial.mayShare());
            var times = FileTimes.of(folder);
            report(settings, trial, rescan.first());
            return new OpenPool(
                    identity,
                    settings.shared(),
                    opening.readOnly(),
                    folder,
                    opening.nonces(),
                    opening.sickness(),
                    opening.durable(),
                    folders,
                    reservations,
                    background,
                    rescan,
                    trial,
                    times,
                    locks,
                    opening.lock());
        } catch (IOException | RuntimeException e) {
            release(taken);
            throw e;
        }
    }

    private static DriverLocks driverLocks(Opening opening) throws IOException {
        var folder = opening.folder().drivers();
        return opening.settings().shared()
                ? DriverLocks.take(folder, opening.instance(), opening.durable())
                : DriverLocks.alone(folder, opening.instance(), opening.durable());
    }

    private static void release(Iterable<AutoCloseable> taken) {
        for (var each : taken) {
            try {
                each.close();
            } catch (Exception e) {
                LOG.warn("{} is not released", each, e);
            }
        }
    }

    private static void report(
            FilePoolSettings settings, FileSystemTrial trial, PoolScan.Result counted) {
        if (trial.known()) {
            LOG.info(
                    "pool {} at {}: copies by {}; SEEK_DATA {}",
                    settings.name(),
                    settings.path(),
                    trial.result().reflinks() ? "reflink" : "copying",
                    trial.result().seekDataTrusted()
                            ? "tells blank images"
                            : "can't be trusted, so no image can be proven blank");
        } else {
            LOG.warn(
                    "pool {} at {}: its disk is full or can't be written, so nothing can be made in it at present; what its file system can do is tried out later",
                    settings.name(),
                    settings.path());
        }
        for (var damaged : counted.damaged()) {
            LOG.warn("pool {}: damaged volume, kept as it is: {}", settings.name(), damaged);
        }
    }

    /// What the file system can do, as far as that is known.
    ExtentProbe probe() {
        return trial.result();
    }

    /// @throws VolumeException UNAVAILABLE if nothing of the pool may be changed
    void requireChangeable() {
        sickness.refuseIfSick();
        requireWritable();
    }

    /// A pool that was opened on a disk that could not be written has not the lock that writing
    /// needs; it is opened anew when the disk can be written.
    void requireWritable() {
        if (readOnly) {
            throw new VolumeException(Reason.UNAVAILABLE, Examination.readOnly(folder));
        }
    }

    /// To be called before something is built.
    ///
    /// @throws VolumeException NO_SPACE if there is no room for what building needs; as
    ///     [#requireChangeable()]
    void requireBuilding() throws IOException {
        requireChangeable();
        try {
            driverLocks.require();
            var _ = trial.require();
        } catch (ErrnoException e) {
            throw CapacityCheck.explained(e, folder.root());
        }
    }

    /// Makes durable what was found in a folder, or found missing. A disk that can't be written has
    /// nothing left to make durable.
    void syncNames(Fd folder) throws ErrnoException {
        if (!readOnly) {
            durable.sync(folder);
        }
    }

    /// Whether what the instance began is for this driver to go on with: its own, or a dead one's.
    boolean mayTakeOver(Instance instance) throws IOException {
        return !readOnly
                && driverLocks.taken()
                && (instance.equals(nonces.instance()) || driverLocks.isDead(instance));
    }

    @Override
    public void close() {
        background.close();
        folders.close();
        driverLocks.close();
        lock.release();
    }
}
