package dev.stowage.pools;

import dev.stowage.volume.IoSupplier;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Asks one pool on threads of its own and waits only so long, for calls that go to several pools
/// and must answer while one of them hangs. A pool that owes an answer is not asked anything else:
/// so one that hangs costs the threads of the questions that were asked at that moment, and later
/// callers no time.
final class Questions implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Questions.class);

    private final String pool;
    private final Duration limit;
    private final ExecutorService threads;

    private record Pending(String what, long sinceNanos, CompletableFuture<?> answer) {}

    /// The last question that was not answered in time.
    private Optional<Pending> owed = Optional.empty();

    Questions(String pool, Duration limit) {
        this.pool = pool;
        this.limit = limit;
        this.threads =
                Executors.newCachedThreadPool(
                        Thread.ofPlatform().name("pool-" + pool + "-", 0).daemon(true).factory());
    }

    /// @param what is asked, for messages
    /// @throws VolumeException UNAVAILABLE if there is no answer within the limit
    <T> T ask(String what, IoSupplier<T> question) throws IOException {
        requireNothingOwed();
        var answer = new CompletableFuture<T>();
        var pending = new Pending(what, System.nanoTime(), answer);
        threads.execute(() -> complete(answer, question));
        try {
            return answer.get(limit.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            owe(pending);
            throw unanswered(pending);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw unanswered(pending);
        } catch (ExecutionException e) {
            throw failure(e);
        }
    }

    private static <T> void complete(CompletableFuture<T> answer, IoSupplier<T> question) {
        try {
            answer.complete(question.get());
        } catch (Throwable e) {
            answer.completeExceptionally(e);
        }
    }

    private static IOException failure(ExecutionException e) {
        return switch (e.getCause()) {
            case IOException failed -> failed;
            case RuntimeException failed -> throw failed;
            case Error failed -> throw failed;
            case null, default -> throw new IllegalStateException(e);
        };
    }

    private synchronized void owe(Pending pending) {
        if (owed.isEmpty()) {
            LOG.error(
                    "lists leave its volumes out: {}",
                    Callers.silence(pool, pending.what(), pending.sinceNanos()));
        }
        owed = Optional.of(pending);
    }

    private synchronized void requireNothingOwed() {
        if (owed.isEmpty()) {
            return;
        }
        if (!owed.get().answer().isDone()) {
            throw unanswered(owed.get());
        }
        owed = Optional.empty();
        LOG.info("pool {} answers again", pool);
    }

    private VolumeException unanswered(Pending pending) {
        return new VolumeException(
                Reason.UNAVAILABLE,
                "this waits for " + Callers.silence(pool, pending.what(), pending.sinceNanos()));
    }

    @Override
    public void close() {
        threads.shutdown();
    }
}
