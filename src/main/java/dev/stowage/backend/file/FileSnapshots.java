package dev.stowage.backend.file;

import dev.stowage.linux.ErrnoException;
import dev.stowage.spi.Backend;
import dev.stowage.spi.FreezePermit;
import dev.stowage.spi.Snapshots;
import dev.stowage.volume.GroupId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The snapshots of a file pool.
final class FileSnapshots implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(FileSnapshots.class);

    /// Each new try is another driver's delete of the same snapshot that came in between.
    private static final int TRIES = 8;

    /// How long a create waits for its copy, so that small ones are ready in the first answer.
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    private final OpenPool open;
    private final SnapshotStore store;
    private final GroupStore groups;
    private final VolumeStore volumes;
    private final Trash disposal;
    private final Readers readers;
    private final CapacityCheck capacity;
    private final SnapshotBuilder builder;
    private final SnapshotCopies copies;

    FileSnapshots(
            OpenPool open,
            VolumeStore volumes,
            Trash disposal,
            Readers readers,
            CapacityCheck capacity) {
        this.open = open;
        this.volumes = volumes;
        this.disposal = disposal;
        this.readers = readers;
        this.capacity = capacity;
        groups = new GroupStore(open.folder(), open.durable());
        store = new SnapshotStore(open, groups);
        copies = new SnapshotCopies(open);
        builder = new SnapshotBuilder(open, new FrozenCopies(open, copies::closing));
    }

    SnapshotStore store() {
        return store;
    }

    GroupStore groups() {
        return groups;
    }

    SnapshotCopies copies() {
        return copies;
    }

    /// Whether copies are to end because the pool closes.
    boolean closing() {
        return copies.closing();
    }

    Snapshot create(SnapshotId id, String name, VolumeId source, Optional<FreezePermit> freeze)
            throws IOException {
        open.rescan().ifOthersChangedThePool();
        for (var tries = 0; tries < TRIES; tries++) {
            var present = store.stored(id);
            if (present.isPresent()) {
                open.syncNames(open.folders().snapshots());
                resume(id, present.get());
            } else {
                open.requireBuilding();
                build(id, name, source, freeze);
            }
            copies.await(id, PATIENCE);
            var found = store.find(id);
            if (found.isPresent()) {
                return found.get();
            }
        }
        throw new VolumeException(Reason.BUSY, "snapshot %s comes and goes; retry".formatted(id));
    }

    private void build(SnapshotId id, String name, VolumeId source, Optional<FreezePermit> freeze)
            throws IOException {
        var volume =
                volumes.find(source).orElseThrow(() -> Backend.noSuchVolume(source.toString()));
        var nonce = open.nonces().of(id);
        var building = ReservationKey.build(nonce);
        var copySource = openVolume(volume.id());
        var copying = false;
        try {
            capacity.reserve(building, copySource.sizeBytes(), volume.provisioning());
            var wanted = new SnapshotBuilder.Wanted(id, name, volume, Optional.empty());
            var made = builder.build(wanted, copySource, nonce, freeze);
            if (made.isPresent()) {
                open.reservations().rename(building, ReservationKey.of(id));
                var snapshot = made.get().snapshot();
                if (made.get().shares()) {
                    open.reservations().claimLater(ReservationKey.of(id));
                } else if (!snapshot.ready()) {
                    copies.begin(snapshot, copySource, copySource.modified());
                    copying = true;
                }
            }
        } catch (ErrnoException e) {
            throw CapacityCheck.explained(e, open.folder().root());
        } finally {
            open.reservations().drop(building);
            if (!copying) {
                copySource.close();
            }
        }
    }

    /// The volume as something to copy from.
    ImageCopySource openVolume(VolumeId id) throws IOException {
        var volume = volumes.find(id).orElseThrow(() -> Backend.noSuchVolume(id.toString()));
        return ImageCopySource.of(
                volume,
                open.folder().volume(id),
                () -> volumes.formatState(id),
                open.probe().seekDataTrusted(),
                readers);
    }

    /// The snapshot as something to copy from.
    ImageCopySource openSnapshot(SnapshotId id) throws IOException {
        readers.begin(id);
        var opened = false;
        try {
            var snapshot =
                    store.find(id).orElseThrow(() -> Snapshots.noSuchSnapshot(id.toString()));
            if (!snapshot.ready()) {
                throw new VolumeException(
                        Reason.BUSY,
                        "snapshot %s is not ready, its bytes are still being copied; retry"
                                .formatted(id));
            }
            var copySource =
                    ImageCopySource.of(
                            snapshot,
                            open.folder().snapshot(id).image(),
                            () -> store.formatState(id),
                            open.probe().seekDataTrusted(),
                            readers);
            opened = true;
            return copySource;
        } finally {
            if (!opened) {
                readers.end(id);
            }
        }
    }

    /// A snapshot that is not there is none only where the pool is.
    Optional<Snapshot> find(SnapshotId id) throws IOException {
        var found = store.find(id);
        if (found.isEmpty()) {
            Examination.requireStillThere(open);
        }
        return found;
    }

    void delete(SnapshotId id) throws IOException {
        var found = find(id);
        if (found.isEmpty()) {
            open.syncNames(open.folders().snapshots());
            return;
        }
        open.requireWritable();
        found.flatMap(Snapshot::group)
                .ifPresent(
                        group -> {
                            throw Snapshots.isMember(id, group);
                        });
        requireUnread(id);
        erase(id);
    }

    private void requireUnread(SnapshotId id) {
        if (readers.read(id)) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "a volume is being made from snapshot %s: delete it when that is done"
                            .formatted(id));
        }
    }

    /// Deletes the group: at one instant all of it is gone.
    void deleteGroup(GroupId id) throws IOException {
        var group = groups.find(id);
        group.map(GroupStore.Group::members).orElse(List.of()).forEach(this::requireUnread);
        groups.remove(id);
        for (var member : group.map(GroupStore.Group::members).orElse(List.of())) {
            erase(member);
        }
    }

    private void erase(SnapshotId id) throws IOException {
        copies.stop(id);
        disposal.put(id, open.nonces().of(id));
    }

    /// Takes up the copies that ended with the drivers that were at them.
    void resumeAll() throws IOException {
        for (var id : store.ids()) {
            try {
                var stored = store.stored(id);
                if (stored.isPresent()) {
                    resume(id, stored.get());
                }
            } catch (VolumeException | IOException e) { // damaged, in use, or no room
                LOG.warn("snapshot {} is left as it is: {}", id, e.getMessage());
            }
        }
    }

    /// Goes on with a copy that nobody is at. One whose volume has changed can't be had any more.
    void resume(SnapshotId id, StoredRecord stored) throws IOException {
        var snapshot = SnapshotRecord.snapshot(stored, id);
        if (snapshot.ready() || copies.underway(id)) {
            return;
        }
        var copy = SnapshotRecord.copy(stored);
        var copier = Instance.parse(copy.copier());
        if (copier.isEmpty() || !open.mayTakeOver(copier.get())) {
            return;
        }
        if (volumes.find(snapshot.source()).isEmpty()) {
            giveUp(id, "its volume is gone");
            return;
        }
        var copySource = openVolume(snapshot.source());
        var copying = false;
        try {
            copySource.requireQuiesced();
            if (copySource.modified().equals(copy.sourceModified())) {
                takeOver(id, stored);
                LOG.info("snapshot {} was not copied to its end: copying it again", id);
                copies.begin(snapshot, copySource, copy.sourceModified());
                copying = true;
            } else {
                giveUp(id, "its volume was written to since " + copy.sourceModified());
            }
        } finally {
            if (!copying) {
                copySource.close();
            }
        }
    }

    private void takeOver(SnapshotId id, StoredRecord stored) throws IOException {
        var copy = SnapshotRecord.copy(stored);
        var own = open.nonces().instance().toString();
        if (!copy.copier().equals(own)) {
            var file = open.folder().snapshot(id).record();
            open.durable().replace(file, SnapshotRecord.copiedBy(stored, own));
        }
    }

    private void giveUp(SnapshotId id, String why) throws IOException {
        LOG.error("snapshot {} was not copied to its end and can't be any more: {}", id, why);
        var group = store.find(id).flatMap(Snapshot::group);
        if (group.isPresent()) {
            LOG.error("group snapshot {} goes with it: it is whole or not at all", group.get());
            deleteGroup(group.get());
        } else {
            disposal.put(id, open.nonces().of(id));
        }
    }

    @Override
    public void close() {
        copies.close();
    }
}
