package dev.stowage.serve;

import dev.stowage.pools.Pool;
import dev.stowage.pools.PoolState;
import dev.stowage.pools.PoolWatch;
import dev.stowage.volume.Condition;
import dev.stowage.volume.Fault;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Asks the pools how they are, all at once and with a limit. One whose disk hangs costs one
/// thread, however often it is asked.
final class PoolStates implements PoolWatch, AutoCloseable {
    /// Less than what a check of readiness waits, or a caller of health.
    private static final Duration ASKING = Duration.ofSeconds(2);

    private final List<Question> questions;
    private final ExecutorService threads;

    PoolStates(List<Pool> pools) {
        this.questions = pools.stream().map(Question::new).toList();
        this.threads =
                Executors.newCachedThreadPool(
                        Thread.ofPlatform().name("pool-state-", 0).daemon(true).factory());
    }

    /// What each pool says, in their order.
    List<PoolState> read(Duration limit) {
        return read(questions, limit);
    }

    /// What each pool says, in their order.
    List<PoolState> read() {
        return read(ASKING);
    }

    @Override
    public List<PoolState> states(List<Pool> pools) {
        var asked = new ArrayList<Question>();
        for (var pool : pools) {
            questions.stream().filter(q -> q.pool.equals(pool)).forEach(asked::add);
        }
        return read(asked, ASKING);
    }

    private List<PoolState> read(List<Question> asked, Duration limit) {
        var end = System.nanoTime() + limit.toNanos();
        asked.forEach(question -> question.ask(threads));
        return asked.stream().map(question -> question.answer(end)).toList();
    }

    @Override
    public void close() {
        threads.shutdown();
    }

    /// The one question to a pool that is under way, or the last that was.
    private static final class Question {
        private final Pool pool;
        private CompletableFuture<PoolState> answer;
        private long askedNanos;

        Question(Pool pool) {
            this.pool = pool;
            this.answer =
                    CompletableFuture.completedFuture(PoolState.present(pool.name(), List.of()));
        }

        synchronized void ask(ExecutorService threads) {
            if (answer.isDone()) {
                askedNanos = System.nanoTime();
                try {
                    answer = CompletableFuture.supplyAsync(pool::state, threads);
                } catch (RejectedExecutionException e) {
                    answer = CompletableFuture.completedFuture(ending());
                }
            }
        }

        PoolState answer(long end) {
            try {
                return current().get(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return ending();
            } catch (TimeoutException e) {
                return wrong(Fault.POOL_NOT_ANSWERING, silence());
            } catch (ExecutionException e) {
                return wrong(
                        Fault.POOL_UNAVAILABLE,
                        "pool %s can't be looked at: %s".formatted(pool.name(), e.getCause()));
            }
        }

        private PoolState ending() {
            return wrong(Fault.POOL_UNAVAILABLE, "the driver is ending");
        }

        private PoolState wrong(Fault fault, String message) {
            return PoolState.present(pool.name(), List.of(new Condition(fault, message)));
        }

        private synchronized CompletableFuture<PoolState> current() {
            return answer;
        }

        private synchronized String silence() {
            return "pool %s has not answered for %d s: look at its disk and the kernel's log (dmesg)"
                    .formatted(
                            pool.name(),
                            TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - askedNanos));
        }
    }
}
