package dev.stowage.serve;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Looks every two seconds whether the names of this process's sockets still lead to it. Nobody
/// tells a server that its socket was removed or replaced: it waits for calls that can't come.
///
/// It looks instead of using inotify, which watches a folder by its inode and so has to be told of
/// each folder above that could be removed or replaced too.
final class SocketWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SocketWatch.class);
    private static final Duration INTERVAL = Duration.ofSeconds(2);

    private final ScheduledThreadPoolExecutor thread =
            new ScheduledThreadPoolExecutor(
                    1, Thread.ofPlatform().name("sockets").daemon(true).factory());

    /// What listens on a socket.
    interface Listener {
        Path socket();

        /// Removes the socket where its callers are to look for a new one.
        default void removeIfOutdated() {}

        /// Whether the socket's name leads elsewhere, and it is time to listen there anew.
        boolean hasLostSocket();

        /// Listens anew, unless somebody else answers there.
        void listenAgain() throws IOException;
    }

    /// @param listeners in the order in which they are to listen again
    /// @param lost told when one can't: only a restart of the process may help then
    SocketWatch(List<Listener> listeners, Runnable lost) {
        var _ =
                thread.scheduleWithFixedDelay(
                        () -> listeners.forEach(listener -> look(listener, lost)),
                        INTERVAL.toMillis(),
                        INTERVAL.toMillis(),
                        TimeUnit.MILLISECONDS);
    }

    private static void look(Listener listener, Runnable lost) {
        listener.removeIfOutdated();
        if (!listener.hasLostSocket()) {
            return;
        }
        try {
            listener.listenAgain();
            LOG.warn("{} was removed or replaced: serving there anew", listener.socket());
        } catch (IOException | RuntimeException e) {
            LOG.error(
                    "{} was removed or replaced, and serving there anew failed: {}; ending, so that a restart can try",
                    listener.socket(),
                    e.getMessage());
            lost.run();
        }
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
