package dev.stowage;

import dev.stowage.node.Limiting;
import dev.stowage.volume.Pool;
import dev.stowage.volume.Pools;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Looks every few seconds whether the limits of this node's volumes were changed. CSI has no call
/// that would tell a node, and on a shared folder the kernel does not tell what another node wrote.
/// Each pool has a thread of its own: one that hangs holds up no other.
final class LimitsWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LimitsWatch.class);
    static final Duration INTERVAL = Duration.ofSeconds(10);

    private final ScheduledThreadPoolExecutor threads;

    /// Begins at once: what a killed driver had set may have changed meanwhile.
    LimitsWatch(Pools pools, Limiting limiting, Duration interval) {
        var factory = Thread.ofPlatform().name("limits-", 0).daemon(true).factory();
        threads = new ScheduledThreadPoolExecutor(pools.all().size(), factory);
        for (var pool : pools.all()) {
            var _ =
                    threads.scheduleWithFixedDelay(
                            () -> renew(pool, limiting),
                            0,
                            interval.toMillis(),
                            TimeUnit.MILLISECONDS);
        }
    }

    /// Whatever goes wrong, the next turn comes.
    private static void renew(Pool pool, Limiting limiting) {
        try {
            var open = pool.ifOpen();
            if (open.isPresent()) {
                limiting.renew(open.get().pool(), open.get()::find);
            }
        } catch (IOException | RuntimeException e) {
            LOG.warn("limits of volumes in pool {} were not looked at", pool.name(), e);
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
