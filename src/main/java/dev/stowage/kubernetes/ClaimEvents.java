package dev.stowage.kubernetes;

import java.io.IOException;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Gives claims that fit on no node an event that says how much is free. The scheduler says only
/// that there is not enough, and no sidecar asks the driver before a node is chosen.
///
/// Nothing else depends on it. What goes wrong is one line in the log, until something else does.
public final class ClaimEvents implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ClaimEvents.class);

    private final ClaimsThatFitNowhere claims;
    private final Thread thread;
    private @Nullable String trouble;

    /// @param driver the driver's name in Kubernetes
    /// @param node where drivers with the same name run on each node, with pools of their own: this
    ///     one's id; empty: for a controller of shared pools
    public ClaimEvents(ApiServer api, String driver, Optional<String> node) {
        this.claims = new ClaimsThatFitNowhere(api, driver, node);
        this.thread = Thread.ofPlatform().name("claim-events").daemon(true).unstarted(this::run);
    }

    /// Begins at once: the first thing to learn is whose turn it is.
    public void start() {
        thread.start();
    }

    @Override
    public void close() {
        thread.interrupt();
    }

    private void run() {
        try {
            while (true) {
                tell(Instant.now());
                Thread.sleep(Turns.untilNext(Instant.now()));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // closed
        }
    }

    void tell(Instant now) {
        try {
            if (claims.tell(now) && trouble != null) {
                LOG.info("claims that fit on no node get their events again");
                trouble = null;
            }
        } catch (ApiException e) {
            warn(e.kind(), e);
        } catch (IOException | RuntimeException e) {
            warn(e.toString(), e);
        }
    }

    /// @param kind what makes this trouble another than the last
    private void warn(String kind, Exception e) {
        if (!kind.equals(trouble)) {
            LOG.warn("claims that fit on no node get no event: {}", e.getMessage(), stack(e));
            trouble = kind;
        }
    }

    /// A person needs one sentence; the stack is for bugs.
    private static @Nullable Exception stack(Exception e) {
        return e instanceof IOException ? null : e;
    }
}
