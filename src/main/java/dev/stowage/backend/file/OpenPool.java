package dev.stowage.backend.file;

import dev.stowage.volume.PoolId;
import java.io.IOException;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What a pool has while it is open: its folders, sums, locks and its background thread.
record OpenPool(
        PoolId identity,
        boolean shared,
        PoolFolder folder,
        Nonces nonces,
        Sickness sickness,
        Durable durable,
        OpenFolders folders,
        Promises promises,
        Background background,
        Recount recount,
        ExtentProbe probe,
        DriverLocks driverLocks,
        PoolLock lock)
        implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(OpenPool.class);

    /// Clears what the dead left, tries out the file system, and counts.
    static OpenPool start(
            FilePoolSettings settings,
            PoolId identity,
            Instance instance,
            Nonces nonces,
            Sickness sickness,
            Durable durable,
            PoolLock lock)
            throws IOException {
        var folder = new PoolFolder(settings.path());
        var locks =
                settings.shared()
                        ? DriverLocks.take(folder.drivers(), instance, durable)
                        : DriverLocks.alone(folder.drivers(), instance);
        Optional<OpenFolders> opened = Optional.empty();
        try {
            new Sweep(folder, !settings.shared(), locks::isDead).run();
            locks.sweep();
            var probe = ExtentProbe.run(folder, nonces);
            opened = Optional.of(OpenFolders.of(folder));
            var promises = new Promises(folder.root(), instance, settings.overcommit());
            var background = new Background(settings.name());
            var recount =
                    new Recount(folder, promises, background, settings.shared(), probe.reflinks());
            report(settings, probe, recount.first());
            return new OpenPool(
                    identity,
                    settings.shared(),
                    folder,
                    nonces,
                    sickness,
                    durable,
                    opened.get(),
                    promises,
                    background,
                    recount,
                    probe,
                    locks,
                    lock);
        } catch (IOException | RuntimeException e) {
            opened.ifPresent(OpenFolders::close);
            locks.close();
            throw e;
        }
    }

    private static void report(
            FilePoolSettings settings, ExtentProbe probe, PoolScan.Result counted) {
        LOG.info(
                "pool {} at {}: copies by {}; SEEK_DATA {}",
                settings.name(),
                settings.path(),
                probe.reflinks() ? "reflink" : "copying",
                probe.seekDataTrusted()
                        ? "tells blank images"
                        : "can't be trusted, so no image can be proven blank");
        for (var damaged : counted.damaged()) {
            LOG.warn("pool {}: damaged volume, kept as it is: {}", settings.name(), damaged);
        }
    }

    /// Whether what the instance began is for this driver to go on with: its own, or a dead one's.
    boolean mayTakeOver(Instance instance) throws IOException {
        return instance.equals(nonces.instance()) || driverLocks.isDead(instance);
    }

    @Override
    public void close() {
        background.close();
        folders.close();
        driverLocks.close();
        lock.release();
    }
}
