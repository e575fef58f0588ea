package dev.stowage;

import dev.stowage.volume.Pool;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Asks the pools how they are, all at once and with a limit. One whose disk hangs costs one
/// thread, however often it is asked.
final class PoolStates implements AutoCloseable {
    private final List<Question> questions;
    private final ExecutorService threads;

    /// @param sickness why the pool can't be used now; empty if it can
    record State(String pool, Optional<String> sickness) {}

    PoolStates(List<Pool> pools) {
        this.questions = pools.stream().map(Question::new).toList();
        this.threads =
                Executors.newCachedThreadPool(
                        Thread.ofPlatform().name("pool-state-", 0).daemon(true).factory());
    }

    /// What each pool says, in their order.
    List<State> read(Duration limit) {
        var end = System.nanoTime() + limit.toNanos();
        questions.forEach(question -> question.ask(threads));
        var states = new ArrayList<State>();
        for (var question : questions) {
            states.add(question.answer(end));
        }
        return List.copyOf(states);
    }

    @Override
    public void close() {
        threads.shutdown();
    }

    /// The one question to a pool that is under way, or the last that was.
    private static final class Question {
        private final Pool pool;
        private CompletableFuture<Optional<String>> answer =
                CompletableFuture.completedFuture(Optional.empty());
        private long askedNanos;

        Question(Pool pool) {
            this.pool = pool;
        }

        synchronized void ask(ExecutorService threads) {
            if (answer.isDone()) {
                askedNanos = System.nanoTime();
                try {
                    answer = CompletableFuture.supplyAsync(pool::sickness, threads);
                } catch (RejectedExecutionException e) {
                    answer = CompletableFuture.completedFuture(Optional.of("the driver is ending"));
                }
            }
        }

        State answer(long end) {
            var asked = current();
            try {
                return new State(
                        pool.name(),
                        asked.get(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return new State(pool.name(), Optional.of("the driver is ending"));
            } catch (TimeoutException e) {
                return new State(pool.name(), Optional.of(silence()));
            } catch (ExecutionException e) {
                return new State(pool.name(), Optional.of(String.valueOf(e.getCause())));
            }
        }

        private synchronized CompletableFuture<Optional<String>> current() {
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
