package dev.stowage.backend.file;

import dev.stowage.volume.PooledId;
import java.util.HashMap;
import java.util.Map;

/// What this driver is reading from and must therefore keep as it is: snapshots that volumes are
/// made from, and volumes that are copied byte by byte. Who reads says so first and looks for users
/// then; who wants to use looks here last: one of the two always sees the other.
final class Readers {
    private final Map<PooledId, Integer> reading = new HashMap<>();

    synchronized void begin(PooledId id) {
        reading.merge(id, 1, Integer::sum);
    }

    synchronized void end(PooledId id) {
        reading.computeIfPresent(id, (_, count) -> count == 1 ? null : count - 1);
    }

    synchronized boolean read(PooledId id) {
        return reading.containsKey(id);
    }
}
