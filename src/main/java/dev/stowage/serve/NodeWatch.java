package dev.stowage.serve;

import dev.stowage.pools.Pool;
import dev.stowage.pools.Pools;
import dev.stowage.spi.Backend;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Looks every few seconds after what no call tells this node of its volumes: that their limits
/// were changed (on a shared folder the kernel does not tell what another node wrote), and that
/// their staging here is stale. Each pool has a thread of its own: one that hangs holds up no
/// other.
final class NodeWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(NodeWatch.class);
    static final Duration INTERVAL = Duration.ofSeconds(10);

    private final ScheduledThreadPoolExecutor threads;

    /// @param what is looked after, for the log
    record Duty(String what, Look look) {}

    interface Look {
        void at(Backend pool) throws IOException;
    }

    /// Begins at once: what a killed driver had set may have changed meanwhile.
    NodeWatch(Pools pools, List<Duty> duties, Duration interval) {
        var factory = Thread.ofPlatform().name("watch-", 0).daemon(true).factory();
        threads = new ScheduledThreadPoolExecutor(pools.all().size(), factory);
        for (var pool : pools.all()) {
            var _ =
                    threads.scheduleWithFixedDelay(
                            () -> duties.forEach(duty -> look(pool, duty)),
                            0,
                            interval.toMillis(),
                            TimeUnit.MILLISECONDS);
        }
    }

    /// Whatever goes wrong, the next turn comes.
    private static void look(Pool pool, Duty duty) {
        try {
            var open = pool.ifOpen();
            if (open.isPresent()) {
                duty.look().at(open.get());
            }
        } catch (IOException | RuntimeException e) {
            LOG.warn("{} in pool {} were not looked at", duty.what(), pool.name(), e);
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
