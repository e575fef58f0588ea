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

/// What the pool has promised and what it can still promise. A thick volume counts in full for as
/// long as a byte of it may be on disk, whatever a trim inside it gave back; a thin one counts
/// against the overcommit ratio. Entries are named by their path in the pool, `volumes/<id>`.
final class Promises {
    /// Left free for records and the file system's own needs.
    static final long RESERVE_BYTES = 4L << 20;

    /// A volume's folder, folder of holds, image, record and format. A snapshot has fewer.
    private static final int INODES_EACH = 5;

    /// Left free for records that are being replaced, and for new nodes and drivers.
    private static final int RESERVE_INODES = 16;

    /// Sizes are rounded up to this where a limit does not forbid it.
    private static final long GRANULARITY = 1L << 20;

    /// A promise that was made.
    record Promise(long bytes, Provisioning provisioning) {}

    /// What was found on disk.
    ///
    /// @param capacityBytes what the pool can hold in all
    /// @param unallocatedBytes what thick volumes could still claim from what is free now
    record Found(Map<String, Promise> promises, long capacityBytes, long unallocatedBytes) {}

    private final Path root;
    private final Instance own;
    private final double overcommit;
    private final Map<String, Promise> promises = new HashMap<>();

    /// The part of `unallocatedBytes` that came with a name since the last count, and goes with it.
    private final Map<String, Long> claims = new HashMap<>();

    private long capacityBytes;
    private long unallocatedBytes;
    private long thickBytes;
    private long thinBytes;

    /// What changed since a count began; its findings on these are out of date.
    private Optional<Set<String>> touched = Optional.empty();

    /// @param own whose builds are known here from before their first byte is on disk
    Promises(Path root, Instance own, double overcommit) {
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
        promises.keySet().removeIf(name -> !changed.contains(name) && !isOwnBuild(name));
        found.promises().forEach((name, promise) -> adopt(changed, name, promise));
        capacityBytes = found.capacityBytes();
        claims.keySet().retainAll(changed);
        unallocatedBytes =
                found.unallocatedBytes()
                        + claims.values().stream().mapToLong(Long::longValue).sum();
        thickBytes = sum(Provisioning.THICK);
        thinBytes = sum(Provisioning.THIN);
    }

    private void adopt(Set<String> changed, String name, Promise promise) {
        if (!changed.contains(name) && !isOwnBuild(name)) {
            promises.put(name, promise);
        }
    }

    private boolean isOwnBuild(String name) {
        var prefix = PoolFolder.INCOMING + "/";
        return name.startsWith(prefix)
                && Instance.makerOf(name.substring(prefix.length()))
                        .filter(own::equals)
                        .isPresent();
    }

    private long sum(Provisioning provisioning) {
        return promises.values().stream()
                .filter(promise -> promise.provisioning() == provisioning)
                .mapToLong(Promise::bytes)
                .sum();
    }

    /// Promises `bytes`, or as much more as `name` then has in all.
    ///
    /// @throws VolumeException NO_SPACE
    synchronized void reserve(String name, long bytes, Provisioning provisioning)
            throws ErrnoException {
        var already = promised(name);
        var usage = PoolDisk.usage(root);
        if (already == 0 && lacksInodes(usage)) {
            throw new VolumeException(Reason.NO_SPACE, noInodes(root, usage));
        }
        var room = room(provisioning, usage);
        if (bytes - already > room) {
            throw new VolumeException(
                    Reason.NO_SPACE,
                    "the pool can promise %d more %s bytes, not %d: delete volumes, or use another pool"
                            .formatted(Math.max(room, 0), provisioning, bytes - already));
        }
        put(name, new Promise(Math.max(bytes, already), provisioning));
    }

    /// What was promised to `name` takes no room of its own yet: its blocks are another image's, or
    /// holes. Until the next count it is taken for what is still to be claimed.
    synchronized void claimLater(String name) {
        var promise = promises.get(name);
        if (promise != null && promise.provisioning() == Provisioning.THICK) {
            claim(name, promise.bytes());
        }
    }

    synchronized long promised(String name) {
        var promise = promises.get(name);
        return promise == null ? 0 : promise.bytes();
    }

    /// Sets what is promised to `name` without asking: back to what it was before.
    synchronized void restore(String name, long bytes, Provisioning provisioning) {
        put(name, new Promise(bytes, provisioning));
    }

    synchronized void rename(String from, String to) {
        var promise = promises.get(from);
        var claimed = claims.getOrDefault(from, 0L);
        drop(from);
        if (promise != null) {
            put(to, promise);
            claim(to, claimed);
        }
    }

    private void claim(String name, long bytes) {
        if (bytes > 0) {
            claims.put(name, bytes);
            unallocatedBytes += bytes;
        }
    }

    synchronized void drop(String name) {
        touched.ifPresent(changed -> changed.add(name));
        var promise = promises.remove(name);
        if (promise != null) {
            count(promise, -1);
        }
        var claimed = claims.remove(name);
        if (claimed != null) {
            unallocatedBytes -= claimed;
        }
    }

    private void put(String name, Promise promise) {
        var claimed = claims.getOrDefault(name, 0L);
        drop(name);
        promises.put(name, promise);
        count(promise, 1);
        claim(name, claimed);
    }

    private void count(Promise promise, int sign) {
        switch (Objects.requireNonNull(promise).provisioning()) {
            case THICK -> thickBytes += sign * promise.bytes();
            case THIN -> thinBytes += sign * promise.bytes();
        }
    }

    private long room(Provisioning provisioning, Usage usage) {
        var promisable = (long) (overcommit * capacityBytes) - thickBytes - thinBytes;
        var freeBytes = usage.availableBytes() - RESERVE_BYTES;
        return switch (provisioning) {
            case THIN -> promisable;
            case THICK ->
                    Math.min(
                            promisable,
                            Math.min(capacityBytes - thickBytes, freeBytes - unallocatedBytes));
        };
    }

    /// Whether too few inodes are free for another volume. What is being built may still want its
    /// own, and each volume one for a hold.
    synchronized boolean lacksInodes(Usage usage) {
        if (!usage.countsInodes()) {
            return false;
        }
        var builds =
                promises.keySet().stream()
                        .filter(name -> name.startsWith(PoolFolder.INCOMING))
                        .count();
        var spare = usage.freeInodes() - RESERVE_INODES - promises.size() - builds * INODES_EACH;
        return spare < INODES_EACH;
    }

    static String noInodes(Path root, Usage usage) {
        return "the file system of %s has no free inodes (files) for another volume (%d of %d are left): delete files or volumes, or make the file system with more inodes"
                .formatted(root, usage.freeInodes(), usage.inodes());
    }

    /// Whether some volume may still want room that it does not have.
    synchronized boolean hasThin() {
        return thinBytes > 0;
    }

    synchronized Capacity capacity(Provisioning provisioning) throws ErrnoException {
        var usage = PoolDisk.usage(root);
        var room = lacksInodes(usage) ? 0 : Math.max(room(provisioning, usage), 0);
        return new Capacity(capacityBytes, room, room / GRANULARITY * GRANULARITY);
    }
}
