package dev.stowage.node;

import dev.stowage.volume.VolumeId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/// Targets whose pods may be about to start. The kubelet (1.34) publishes a volume, expands it, and
/// starts the pod's containers when both are done; older ones expanded before they published. If it
/// is told to try the expansion again, it publishes again before it does, and no container runs
/// meanwhile: then the file system may be unmounted for its growth. Without that it would never be
/// so, for a container's copy of the mount can't be seen from here.
///
/// How long ago it was published decides only what the kubelet is told, never what is unmounted.
public final class FreshTargets {
    /// From the end of a publication to the beginning of the expansion, with a slow API in between.
    private static final Duration FRESH = Duration.ofMinutes(1);

    private record Target(VolumeId volume, Path path) {}

    private final Map<Target, Long> published = new HashMap<>();
    private final Set<Target> toGrow = new HashSet<>();

    synchronized void published(VolumeId volume, Path path) {
        published.values().removeIf(FreshTargets::isOld);
        published.put(new Target(volume, path), System.nanoTime());
    }

    private static boolean isOld(long nanos) {
        return System.nanoTime() - nanos > FRESH.toNanos();
    }

    /// Whether the pod can't have started yet, if the kubelet expands the volume before it starts
    /// it. If so the volume is to grow when it is published there again.
    synchronized boolean growAtNextPublish(VolumeId volume, Path path) {
        var target = new Target(volume, path);
        var since = published.get(target);
        if (since == null || isOld(since)) {
            return false;
        }
        toGrow.add(target);
        return true;
    }

    /// Whether the volume is to grow now that it is published there again.
    synchronized boolean takeGrowth(VolumeId volume, Path path) {
        return toGrow.remove(new Target(volume, path));
    }
}
