package dev.stowage.backend.file;

import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Usage;
import dev.stowage.volume.Capacity;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/// The capacity that is reserved, and what can still be. A thick volume counts in full for as long
/// as a byte of it may be on disk, whatever a trim inside it gave back; a thin one counts against
/// the overcommit ratio.
final class Reservations {
    /// Left free for records and the file system's own needs.
    static final long RESERVE_BYTES = 4L << 20;

    static final String ANOTHER_VOLUME = "another volume";

    /// A volume's folder, folder of attachments, image, record and format. A snapshot has fewer.
    private static final int INODES_EACH = 5;

    /// Left free for records that are being replaced, and for new nodes and drivers.
    private static final int RESERVE_INODES = 16;

    /// Sizes are rounded up to this where a limit does not forbid it.
    private static final long GRANULARITY = 1L << 20;

    /// Capacity that one volume or snapshot has.
    record Reservation(long bytes, Provisioning provisioning) {}

    /// What was found on disk.
    ///
    /// @param capacityBytes what the pool can hold in all
    /// @param unallocatedBytes what thick volumes could still claim from what is free now
    record Found(
            Map<ReservationKey, Reservation> reservations,
            long capacityBytes,
            long unallocatedBytes) {}

    private final Path root;
    private final Instance own;
    private final double overcommit;
    private final Map<ReservationKey, Reservation> reservations = new HashMap<>();

    /// The part of `unallocatedBytes` that came with a reservation since the last count, and goes
    /// with it.
    private final Map<ReservationKey, Long> claims = new HashMap<>();

    private long capacityBytes;
    private long unallocatedBytes;
    private long thickBytes;
    private long thinBytes;

    /// What changed since a count began; its findings on these are out of date.
    private Optional<Set<ReservationKey>> touched = Optional.empty();

    /// @param own whose builds are known here from before their first byte is on disk
    Reservations(Path root, Instance own, double overcommit) {
        this.root = root;
        this.own = own;
        this.overcommit = overcommit;
    }

    synchronized void beginCount() {
        touched = Optional.of(new HashSet<>());
    }

    /// Gives up a count that failed.
    synchronized void stopCount() {
        touched = Optional.empty();
    }

    synchronized void endCount(Found found) {
        var changed = touched.orElseGet(Set::of);
        touched = Optional.empty();
        reservations.keySet().removeIf(key -> !changed.contains(key) && !key.isBuildOf(own));
        found.reservations().forEach((key, reservation) -> adopt(changed, key, reservation));
        capacityBytes = found.capacityBytes();
        claims.keySet().retainAll(changed);
        unallocatedBytes =
                found.unallocatedBytes()
                        + claims.values().stream().mapToLong(Long::longValue).sum();
        thickBytes = sum(Provisioning.THICK);
        thinBytes = sum(Provisioning.THIN);
    }

    private void adopt(Set<ReservationKey> changed, ReservationKey key, Reservation reservation) {
        if (!changed.contains(key) && !key.isBuildOf(own)) {
            reservations.put(key, reservation);
        }
    }

    private long sum(Provisioning provisioning) {
        return reservations.values().stream()
                .filter(reservation -> reservation.provisioning() == provisioning)
                .mapToLong(Reservation::bytes)
                .sum();
    }

    /// Reserves `bytes` in all for `key`; what it has already is not taken away.
    ///
    /// @throws VolumeException NO_SPACE
    synchronized void reserve(ReservationKey key, long bytes, Provisioning provisioning)
            throws ErrnoException {
        var already = reservedBytes(key);
        var usage = PoolDisk.usage(root);
        if (already == 0 && lacksInodes(usage)) {
            throw new VolumeException(Reason.NO_SPACE, noInodes(root, usage, ANOTHER_VOLUME));
        }
        var free = unreservedBytes(provisioning, usage);
        if (bytes - already > free) {
            throw new VolumeException(
                    Reason.NO_SPACE,
                    "the pool has %d unreserved bytes for %s volumes, not %d: delete volumes, or use another pool"
                            .formatted(Math.max(free, 0), provisioning, bytes - already));
        }
        put(key, new Reservation(Math.max(bytes, already), provisioning));
    }

    /// What was reserved for `key` takes no space of its own yet: its blocks are another image's,
    /// or holes. Until the next count it is taken for what is still to be claimed.
    synchronized void claimLater(ReservationKey key) {
        var reservation = reservations.get(key);
        if (reservation != null && reservation.provisioning() == Provisioning.THICK) {
            claim(key, reservation.bytes());
        }
    }

    synchronized long reservedBytes(ReservationKey key) {
        var reservation = reservations.get(key);
        return reservation == null ? 0 : reservation.bytes();
    }

    /// Sets what is reserved for `key` without asking: back to what it was before.
    synchronized void restore(ReservationKey key, long bytes, Provisioning provisioning) {
        put(key, new Reservation(bytes, provisioning));
    }

    synchronized void rename(ReservationKey from, ReservationKey to) {
        var reservation = reservations.get(from);
        var claimed = claims.getOrDefault(from, 0L);
        drop(from);
        if (reservation != null) {
            put(to, reservation);
            claim(to, claimed);
        }
    }

    private void claim(ReservationKey key, long bytes) {
        if (bytes > 0) {
            claims.put(key, bytes);
            unallocatedBytes += bytes;
        }
    }

    synchronized void drop(ReservationKey key) {
        touched.ifPresent(changed -> changed.add(key));
        var reservation = reservations.remove(key);
        if (reservation != null) {
            count(reservation, -1);
        }
        var claimed = claims.remove(key);
        if (claimed != null) {
            unallocatedBytes -= claimed;
        }
    }

    private void put(ReservationKey key, Reservation reservation) {
        var claimed = claims.getOrDefault(key, 0L);
        drop(key);
        reservations.put(key, reservation);
        count(reservation, 1);
        claim(key, claimed);
    }

    private void count(Reservation reservation, int sign) {
        switch (Objects.requireNonNull(reservation).provisioning()) {
            case THICK -> thickBytes += sign * reservation.bytes();
            case THIN -> thinBytes += sign * reservation.bytes();
        }
    }

    private long unreservedBytes(Provisioning provisioning, Usage usage) {
        var reservable = (long) (overcommit * capacityBytes) - thickBytes - thinBytes;
        var freeBytes = usage.availableBytes() - RESERVE_BYTES;
        return switch (provisioning) {
            // it reserves nothing of what is free, but on a full disk it could not even be made
            case THIN -> freeBytes > 0 ? reservable : 0;
            case THICK ->
                    Math.min(
                            reservable,
                            Math.min(capacityBytes - thickBytes, freeBytes - unallocatedBytes));
        };
    }

    /// Whether too few inodes are free for another volume. What is being built may still want its
    /// own, and each volume one for an attachment.
    synchronized boolean lacksInodes(Usage usage) {
        if (!usage.countsInodes()) {
            return false;
        }
        var builds = reservations.keySet().stream().filter(ReservationKey::isBuild).count();
        var spare =
                usage.freeInodes() - RESERVE_INODES - reservations.size() - builds * INODES_EACH;
        return spare < INODES_EACH;
    }

    /// @param what they are wanted for
    static String noInodes(Path root, Usage usage, String what) {
        return "the file system of %s has no free inodes (files) for %s (%d of %d are left): delete files or volumes, or make the file system with more inodes"
                .formatted(root, what, usage.freeInodes(), usage.inodes());
    }

    /// Whether some volume may still want space that it does not have.
    synchronized boolean hasThin() {
        return thinBytes > 0;
    }

    synchronized Capacity capacity(Provisioning provisioning) throws ErrnoException {
        var usage = PoolDisk.usage(root);
        var free = lacksInodes(usage) ? 0 : Math.max(unreservedBytes(provisioning, usage), 0);
        return new Capacity(capacityBytes, free, free / GRANULARITY * GRANULARITY);
    }
}
