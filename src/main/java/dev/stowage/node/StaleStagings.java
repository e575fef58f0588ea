package dev.stowage.node;

import dev.stowage.linux.MountTable;
import dev.stowage.node.device.Connectors;
import dev.stowage.volume.IoAction;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Unstages volumes that the kubelet no longer tracks. One that ends after it has unpublished a
/// pod's volume and before it has unstaged it never does so: when it starts again it finds volumes
/// only by what is in pods' folders (Kubernetes 1.34,
/// pkg/kubelet/volumemanager/reconciler/reconstruct.go).
///
/// A staging counts as stale that was for a while published nowhere on this node and unwanted:
/// nobody can use it, and nobody will. Whoever only stops using a volume keeps it staged, and so
/// does one whose pool is not here to be asked.
public final class StaleStagings {
    /// The kubelet unstages within a second of the last unpublish, and after a failure within some
    /// more. Time spent here costs only bytes that are freed later.
    public static final Duration PATIENCE = Duration.ofSeconds(30);

    private static final Logger LOG = LoggerFactory.getLogger(StaleStagings.class);

    private final Connectors connectors;
    private final Staging staging;
    private final Unwanted unwanted;
    private final Turn turn;
    private final long patienceNanos;

    /// When each was first seen so, or was tried in vain.
    private final ConcurrentHashMap<VolumeId, Long> since = new ConcurrentHashMap<>();

    /// Whether a volume is deleted, or would be if it were not in use.
    public interface Unwanted {
        boolean test(VolumeId id) throws IOException;
    }

    /// Runs what changes a volume when nothing else does.
    public interface Turn {
        void take(VolumeId id, IoAction work) throws Exception;
    }

    public StaleStagings(
            Connectors connectors,
            Staging staging,
            Unwanted unwanted,
            Turn turn,
            Duration patience) {
        this.connectors = connectors;
        this.staging = staging;
        this.unwanted = unwanted;
        this.turn = turn;
        this.patienceNanos = patience.toNanos();
    }

    /// Looks once at the pool's volumes on this node.
    public void giveBack(PoolId pool) throws IOException {
        var here = connectors.volumes(pool);
        since.keySet().removeIf(id -> id.poolTag().equals(pool.tag()) && !here.containsKey(id));
        var table = MountTable.read();
        here.forEach((id, devices) -> look(id, new VolumeMounts(table, devices)));
    }

    private void look(VolumeId id, VolumeMounts mounts) {
        try {
            if (!isStale(id, mounts)) {
                since.remove(id);
            } else if (isOverdue(id)) {
                turn.take(id, () -> giveBack(id));
            }
        } catch (Exception e) {
            since.put(id, System.nanoTime());
            LOG.warn("volume {} is staged here, unwanted and in nobody's use, but stays", id, e);
        }
    }

    /// Most are published, which costs no look at the pool.
    private boolean isStale(VolumeId id, VolumeMounts mounts) throws IOException {
        return !Unstaging.published(mounts) && unwanted.test(id);
    }

    private boolean isOverdue(VolumeId id) {
        var now = System.nanoTime();
        return now - since.computeIfAbsent(id, _ -> now) >= patienceNanos;
    }

    /// Somebody may have begun to use it before this had its turn.
    private void giveBack(VolumeId id) throws IOException {
        if (unwanted.test(id) && staging.giveBack(id)) {
            LOG.warn(
                    "volume {} was unstaged: it is unwanted, and the kubelet no longer tracks it",
                    id);
        }
    }
}
