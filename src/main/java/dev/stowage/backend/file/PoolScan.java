package dev.stowage.backend.file;

import dev.stowage.backend.file.ReservationKey.Part;
import dev.stowage.backend.file.Reservations.Reservation;
import dev.stowage.linux.Linux;
import dev.stowage.linux.Stat;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Adds up what lies in the pool: volumes, what is being built and what is being erased.
final class PoolScan {
    private final PoolFolder pool;
    private final Map<ReservationKey, Reservation> reservations = new HashMap<>();
    private final List<String> damaged = new ArrayList<>();
    private final Optional<SharedBlocks> shared;
    private long allocatedBytes;
    private long unallocatedBytes;

    private PoolScan(PoolFolder pool, boolean reflinks) {
        this.pool = pool;
        this.shared = reflinks ? Optional.of(new SharedBlocks()) : Optional.empty();
    }

    /// What is found, and in what volumes' records can't be understood.
    record Result(Reservations.Found found, List<String> damaged) {}

    /// @param reflinks images may share blocks
    static Result of(PoolFolder pool, boolean reflinks) throws IOException {
        return new PoolScan(pool, reflinks).run();
    }

    private Result run() throws IOException {
        PoolDisk.settle(pool.root());
        var before = PoolDisk.usage(pool.root());
        scan(Part.VOLUMES);
        scan(Part.SNAPSHOTS);
        scan(Part.INCOMING);
        scan(Part.TRASH);
        // What several images have takes its place once, and whoever overwrites it needs more.
        var twice = shared.map(SharedBlocks::countedTwiceBytes).orElse(0L);
        allocatedBytes -= twice;
        unallocatedBytes += twice;
        // What was allocated or freed meanwhile is in one of the two, but never counts double.
        var after = PoolDisk.usage(pool.root());
        var free = Math.min(before.availableBytes(), after.availableBytes());
        var capacity =
                Math.min(after.totalBytes(), free + allocatedBytes) - Reservations.RESERVE_BYTES;
        return new Result(
                new Reservations.Found(reservations, Math.max(capacity, 0), unallocatedBytes),
                damaged);
    }

    private void scan(Part part) throws IOException {
        List<Path> entries;
        try (var listed = Files.list(pool.root().resolve(part.folder()))) {
            entries = listed.toList();
        }
        for (var entry : entries) {
            var folder = new VolumeFolder(entry);
            var image = Linux.lstatIfExists(folder.image());
            if (image.isPresent()) {
                count(new ReservationKey(part, VolumeStore.fileName(entry)), folder, image.get());
            } else if (isReal(part) && Linux.lstatIfExists(entry).isPresent()) {
                damaged.add(VolumeStore.fileName(entry) + " has no image");
            }
        }
    }

    private void count(ReservationKey key, VolumeFolder folder, Stat image) throws IOException {
        if (shared.isPresent() && image.allocatedBytes() > 0) {
            shared.get().add(folder.image());
        }
        allocatedBytes += image.allocatedBytes();
        var reservation = reservation(key, folder, image);
        if (reservation.provisioning() == Provisioning.THICK) {
            unallocatedBytes += Math.max(0, reservation.bytes() - image.allocatedBytes());
        }
        reservations.put(key, reservation);
    }

    /// What can't be read counts as thick, so that its space is not given away.
    private Reservation reservation(ReservationKey key, VolumeFolder folder, Stat image) {
        try {
            var recorded = recorded(folder);
            return new Reservation(
                    Math.max(recorded.bytes(), image.size()), recorded.provisioning());
        } catch (NoSuchFileException e) {
            report(key, "its record is missing");
        } catch (VolumeException e) {
            report(key, e.getMessage());
        } catch (IOException e) {
            report(key, String.valueOf(e.getMessage()));
        }
        return new Reservation(image.size(), Provisioning.THICK);
    }

    /// What lies in `.incoming` or `.trash` may be of either kind.
    private Reservation recorded(VolumeFolder folder) throws IOException {
        var ofSnapshot = new SnapshotFolder(folder.path()).record();
        if (Linux.lstatIfExists(ofSnapshot).isPresent()) {
            var snapshot = SnapshotRecord.snapshot(StoredRecord.read(ofSnapshot));
            return new Reservation(snapshot.sizeBytes(), snapshot.provisioning());
        }
        var stored = StoredRecord.read(folder.record());
        var volume = VolumeRecord.volume(stored, id(stored, folder));
        return new Reservation(volume.capacityBytes(), volume.provisioning());
    }

    private static boolean isReal(Part part) {
        return part == Part.VOLUMES || part == Part.SNAPSHOTS;
    }

    /// In `volumes` the folder's name must be the id; elsewhere only the record says it.
    private VolumeId id(StoredRecord stored, VolumeFolder folder) {
        var named = VolumeStore.fileName(folder.path());
        var text = pool.volumes().equals(folder.path().getParent()) ? named : stored.text("id");
        return VolumeId.parse(text).orElseThrow(() -> stored.damaged("it lies in " + named));
    }

    private void report(ReservationKey key, String why) {
        if (isReal(key.part())) {
            damaged.add(key.part().folder() + "/" + key.name() + ": " + why);
        }
    }
}
