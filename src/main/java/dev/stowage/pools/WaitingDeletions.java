package dev.stowage.pools;

import dev.stowage.volume.VolumeId;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// Volumes whose deletion was refused because they are in use. Kept in memory: whoever wants a
/// volume deleted asks again, also after the driver was restarted.
public final class WaitingDeletions {
    private final Set<VolumeId> waiting = ConcurrentHashMap.newKeySet();

    void refused(VolumeId id) {
        waiting.add(id);
    }

    /// The volume is deleted, or somebody has begun to use it: until its deletion is asked for
    /// again it stays.
    public void forget(VolumeId id) {
        waiting.remove(id);
    }

    boolean has(VolumeId id) {
        return waiting.contains(id);
    }
}
