package dev.stowage.backend.file;

import dev.stowage.volume.IoAction;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The pool's one background thread. What it does not come to, the next start does.
final class Background implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Background.class);

    /// An unlink of a large image takes some milliseconds for each GiB.
    private static final Duration PATIENCE = Duration.ofSeconds(3);

    private final ExecutorService thread;

    Background(String pool) {
        thread =
                Executors.newSingleThreadExecutor(
                        work ->
                                Thread.ofPlatform()
                                        .daemon()
                                        .name("stowage-pool-" + pool)
                                        .unstarted(work));
    }

    void submit(String what, IoAction work) {
        try {
            thread.execute(() -> attempt(what, work));
        } catch (RejectedExecutionException e) {
            LOG.debug("{} is left for the next start", what);
        }
    }

    private static void attempt(String what, IoAction work) {
        try {
            work.run();
        } catch (IOException | RuntimeException e) {
            LOG.warn("{} failed; the next start tries again", what, e);
        }
    }

    @Override
    public void close() {
        thread.shutdown();
        try {
            if (!thread.awaitTermination(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
                thread.shutdownNow();
            }
        } catch (InterruptedException e) {
            thread.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }
}
