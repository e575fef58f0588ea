package dev.stowage.backend.file;

import dev.stowage.volume.IoAction;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Clears what drivers that were killed had begun. What may belong to a live one stays.
final class Sweep {
    private static final Logger LOG = LoggerFactory.getLogger(Sweep.class);

    private final PoolFolder pool;
    private final boolean alone;
    private final Liveness liveness;

    /// @param alone no other driver uses the pool; files not created by a driver or an offline
    ///     command are left alone
    Sweep(PoolFolder pool, boolean alone, Liveness liveness) {
        this.pool = pool;
        this.alone = alone;
        this.liveness = liveness;
    }

    void run() throws IOException {
        for (var entry : entries(pool.incoming())) {
            if (isAbandoned(entry)) {
                LOG.info("clearing {}, which was never finished", entry);
                clear(() -> FolderTree.erase(entry), entry);
            }
        }
        sweepRecords(pool.root());
        sweepRecords(pool.nodes());
        sweepRecords(pool.groups());
        for (var snapshot : entries(pool.snapshots())) {
            if (SnapshotId.parse(VolumeStore.fileName(snapshot)).isPresent()) {
                sweepRecords(snapshot);
            }
        }
        for (var volume : entries(pool.volumes())) {
            if (VolumeId.parse(VolumeStore.fileName(volume)).isPresent()) {
                sweepRecords(volume);
                sweepRecords(new VolumeFolder(volume).holders());
            }
        }
    }

    private void sweepRecords(Path folder) throws IOException {
        for (var entry : entries(folder)) {
            if (VolumeStore.fileName(entry).startsWith(Nonces.TEMPORARY) && isAbandoned(entry)) {
                clear(() -> Files.deleteIfExists(entry), entry);
            }
        }
    }

    /// What stays is in nobody's way.
    private static void clear(IoAction step, Path entry) {
        try {
            step.run();
        } catch (IOException e) {
            LOG.warn("{} can't be cleared now and is left for the next start", entry, e);
        }
    }

    private boolean isAbandoned(Path entry) throws IOException {
        var maker = Instance.makerOf(VolumeStore.fileName(entry));
        if (maker.isPresent() ? liveness.isDead(maker.get()) : alone) {
            return true;
        }
        LOG.info("{} may be what another driver or an import is at: left alone", entry);
        return false;
    }

    private static List<Path> entries(Path folder) throws IOException {
        try (var listed = Files.list(folder)) {
            return listed.toList();
        } catch (NoSuchFileException | NotDirectoryException e) {
            return List.of(); // deleted meanwhile, or damaged, which the scan reports
        }
    }
}
