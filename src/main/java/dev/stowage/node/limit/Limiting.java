package dev.stowage.node.limit;

import dev.stowage.node.device.BlockDevice;
import dev.stowage.node.device.Connectors;
import dev.stowage.volume.IoAction;
import dev.stowage.volume.Limits;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Holds the volumes of this node to their limits on I/O, through the cgroup of all pods. Volumes
/// work on where that is not possible: it is logged once for each, and told to whoever asks.
public final class Limiting {
    private static final Logger LOG = LoggerFactory.getLogger(Limiting.class);
    private static final int LOCKS = 64;

    private final Connectors connectors;
    private final PodsGroup pods;

    /// What the log already says.
    private final ConcurrentHashMap<VolumeId, String> complaints = new ConcurrentHashMap<>();

    /// A device must not be released between the look whose it is and the setting of its limits,
    /// which would then meet the next one who gets it.
    private final ReentrantLock[] locks =
            Stream.generate(ReentrantLock::new).limit(LOCKS).toArray(ReentrantLock[]::new);

    public Limiting(Connectors connectors, PodsGroup pods) {
        this.connectors = connectors;
        this.pods = pods;
    }

    /// Finds a volume as it is recorded now.
    public interface Records {
        Optional<Volume> find(VolumeId id) throws IOException;
    }

    /// Sets the volume's limits, or takes them away, where it is connected on this node and they
    /// are not so already.
    ///
    /// @return why the limits that it has are not applied, in words for an administrator
    public Optional<String> apply(Volume volume) {
        var id = volume.id();
        var limits = volume.limits().at(volume.capacityBytes());
        var lock = lock(id);
        lock.lock();
        try {
            var ioMax = pods.ioMax();
            for (var device : connectors.find(id).known()) {
                apply(ioMax, device, limits);
            }
            complaints.remove(id);
            return Optional.empty();
        } catch (IOException e) {
            return complain(id, limits, e);
        } finally {
            lock.unlock();
        }
    }

    private static void apply(IoMax ioMax, BlockDevice device, Limits limits) throws IOException {
        if (!ioMax.limits(device.number()).equals(limits)) {
            ioMax.set(device.number(), limits);
            LOG.info("{} is held to {} ({})", device.path(), limits, ioMax.file());
        }
    }

    private Optional<String> complain(VolumeId id, Limits limits, IOException e) {
        if (limits.none()) {
            complaints.remove(id);
            return Optional.empty();
        }
        var why = "limits %s are not applied: %s".formatted(limits, e.getMessage());
        if (!Objects.equals(complaints.put(id, why), why)) {
            LOG.warn("volume {}: {}", id, why);
        }
        return Optional.of(why);
    }

    /// The volumes here whose limits could not be applied when that was tried last, and why.
    public SortedMap<VolumeId, String> notApplied() {
        return new TreeMap<>(complaints);
    }

    /// Sets the limits of all volumes of the pool that are connected here anew: they may have been
    /// changed elsewhere, and a restarted driver knows nothing of what was set.
    public void renew(PoolId pool, Records records) throws IOException {
        for (var connected : connectors.volumes(pool).entrySet()) {
            try {
                records.find(connected.getKey())
                        .ifPresent(volume -> renew(volume, connected.getValue()));
            } catch (VolumeException e) {
                LOG.debug(
                        "the limits of volume {} stay as they are: {}",
                        connected.getKey(),
                        e.getMessage());
            }
        }
    }

    /// Most have their limits already, which costs no search for their devices.
    private void renew(Volume volume, List<BlockDevice> devices) {
        var limits = volume.limits().at(volume.capacityBytes());
        try {
            var ioMax = pods.ioMax();
            for (var device : devices) {
                if (!ioMax.limits(device.number()).equals(limits)) {
                    var _ = apply(volume);
                    return;
                }
            }
            complaints.remove(volume.id());
        } catch (IOException e) {
            var _ = complain(volume.id(), limits, e);
        }
    }

    /// Takes the limits off these devices of the volume, then releases them.
    public void lift(VolumeId id, List<? extends BlockDevice> devices, IoAction release)
            throws IOException {
        var lock = lock(id);
        lock.lock();
        try {
            for (var device : devices) {
                lift(id, device);
            }
            release.run();
            complaints.remove(id);
        } finally {
            lock.unlock();
        }
    }

    /// A device can be given back with limits on it: whoever stages a volume on it next sets its
    /// own.
    private void lift(VolumeId id, BlockDevice device) {
        try {
            apply(pods.ioMax(), device, Limits.NONE);
        } catch (PodsGroup.Unusable e) {
            LOG.debug("{} has no limits to be lifted: {}", device.path(), e.getMessage());
        } catch (IOException e) {
            LOG.warn("the limits of volume {} on {} may stay on it", id, device.path(), e);
        }
    }

    private ReentrantLock lock(VolumeId id) {
        return locks[Math.floorMod(id.hashCode(), LOCKS)];
    }
}
