package dev.stowage.backend.file;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Linux;
import dev.stowage.linux.Usage;
import dev.stowage.spi.Backend;
import dev.stowage.volume.Condition;
import dev.stowage.volume.Fault;
import dev.stowage.volume.IoSupplier;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What is wrong with an open pool and its volumes, from their folders and records.
final class Examination {
    /// What a full disk may still show as free.
    private static final long FULL_BYTES = 1L << 20;

    /// Of the disk: time enough to act.
    private static final int NEARLY_FULL_PERCENT = 10;

    private final OpenPool open;
    private final PoolFolder pool;
    private final VolumeStore store;

    Examination(OpenPool open, VolumeStore store) {
        this.open = open;
        this.pool = open.folder();
        this.store = store;
    }

    List<Condition> conditions() throws IOException {
        requireStillThere(open);
        var conditions = new ArrayList<Condition>();
        var usage = PoolDisk.usage(pool.root());
        if (pool.readOnly()) {
            conditions.add(new Condition(Fault.POOL_READ_ONLY, readOnly(pool)));
        } else if (open.readOnly()) {
            throw new VolumeException(
                    Reason.UNAVAILABLE,
                    "%s can be written again, and the pool is being opened anew for that; retry"
                            .formatted(pool.root()));
        }
        fullness(usage, open.reservations().hasThin()).ifPresent(conditions::add);
        if (usage.availableBytes() >= FULL_BYTES && open.reservations().lacksInodes(usage)) {
            conditions.add(
                    new Condition(
                            Fault.POOL_INODES_EXHAUSTED,
                            Reservations.noInodes(
                                    pool.root(), usage, Reservations.ANOTHER_VOLUME)));
        }
        return conditions;
    }

    static String readOnly(PoolFolder pool) {
        return "%s is read-only, so nothing in it can be made, changed or deleted: look at the kernel's log (dmesg), mend its disk and mount it writable"
                .formatted(pool.root());
    }

    /// The disk may have died below an open pool, or have been taken away.
    ///
    /// @throws VolumeException UNAVAILABLE if so; an [IOException] says nothing of the pool
    static void requireStillThere(OpenPool open) throws IOException {
        var root = open.folder().root();
        try {
            var present = PoolIdentity.readFromDisk(open.folder());
            if (present.filter(open.identity()::equals).isEmpty()) {
                throw new VolumeException(
                        Reason.UNAVAILABLE,
                        "%s no longer holds this pool (%s): mount or put back its disk"
                                .formatted(root, open.identity().uuid()));
            }
        } catch (ErrnoException e) {
            if (e.is(Errno.EMFILE, Errno.ENFILE, Errno.ENOMEM)) { // of this process or machine
                throw e;
            }
            throw new VolumeException(
                    Reason.UNAVAILABLE,
                    "its disk can't be read (%s): look at the kernel's log (dmesg), mend the disk and mount it again; no restart of the driver is needed"
                            .formatted(e.getMessage()),
                    e);
        }
    }

    private Optional<Condition> fullness(Usage usage, boolean thin) {
        var free = usage.availableBytes();
        if (free < FULL_BYTES) {
            return Optional.of(
                    new Condition(
                            Fault.POOL_FULL,
                            "the disk of %s, or its quota, is full: thin volumes get I/O errors for what they have not written before; make room or delete volumes"
                                    .formatted(pool.root())));
        }
        if (thin && free < usage.totalBytes() / 100 * NEARLY_FULL_PERCENT) {
            return Optional.of(
                    new Condition(
                            Fault.POOL_NEARLY_FULL,
                            "the disk of %s has %d MiB of %d left, and thin volumes may write more: make room or delete volumes"
                                    .formatted(pool.root(), free >> 20, usage.totalBytes() >> 20)));
        }
        return Optional.empty();
    }

    List<Condition> conditions(VolumeId id) throws IOException {
        var conditions = new ArrayList<Condition>();
        var volume = volume(id, conditions);
        record(() -> store.formatState(id), conditions);
        record(() -> AttachmentRecords.nodes(pool.volume(id)), conditions);
        image(id, volume, conditions);
        if (volume.filter(known -> known.provisioning() == Provisioning.THIN).isPresent()) {
            fullness(PoolDisk.usage(pool.root()), true).ifPresent(conditions::add);
        }
        return conditions;
    }

    private Optional<Volume> volume(VolumeId id, List<Condition> conditions) {
        return record(() -> store.find(id).orElseThrow(() -> noSuchVolume(id)), conditions);
    }

    private static VolumeException noSuchVolume(VolumeId id) {
        return Backend.noSuchVolume(id.toString());
    }

    private static <T> Optional<T> record(IoSupplier<T> reading, List<Condition> conditions) {
        try {
            return Optional.of(reading.get());
        } catch (VolumeException e) {
            conditions.add(
                    switch (e.reason()) {
                        case DAMAGED -> new Condition(Fault.RECORD_UNREADABLE, e.getMessage());
                        case FAILED_PRECONDITION ->
                                new Condition(Fault.NEWER_DRIVER_NEEDED, e.getMessage());
                        default -> throw e;
                    });
        } catch (IOException e) {
            conditions.add(
                    new Condition(
                            Fault.RECORD_UNREADABLE,
                            "%s: look at the pool's disk and the kernel's log (dmesg)"
                                    .formatted(e.getMessage())));
        }
        return Optional.empty();
    }

    private void image(VolumeId id, Optional<Volume> volume, List<Condition> conditions)
            throws IOException {
        try {
            var bytes = Linux.lstat(store.image(id)).size();
            volume.filter(known -> bytes < known.capacityBytes())
                    .map(
                            known ->
                                    "the image of volume %s has %d bytes of %d: restore it from a backup"
                                            .formatted(id, bytes, known.capacityBytes()))
                    .map(message -> new Condition(Fault.IMAGE_TOO_SHORT, message))
                    .ifPresent(conditions::add);
        } catch (VolumeException e) {
            if (e.reason() != Reason.DAMAGED) {
                throw e;
            }
            conditions.add(
                    new Condition(
                            Fault.IMAGE_MISSING,
                            "%s; if it is still staged on a node, copy its content there before anything else, then restore it from a backup"
                                    .formatted(e.getMessage())));
        }
    }
}
