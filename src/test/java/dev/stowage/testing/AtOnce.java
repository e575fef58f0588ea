package dev.stowage.testing;

import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/// Lets several threads do something at the same instant.
public final class AtOnce {
    private AtOnce() {}

    /// How one of the threads ended: with a value, or refused.
    public sealed interface Outcome<T> {
        record Won<T>(T value) implements Outcome<T> {}

        record Refused<T>(Reason reason) implements Outcome<T> {}
    }

    public interface Runner<T> {
        T run(int number) throws Exception;
    }

    /// Runs all at once; anything but a refusal is an error of the test.
    public static <T> List<Outcome<T>> of(int threads, Runner<T> runner) throws Exception {
        var barrier = new CyclicBarrier(threads);
        try (var executor = Executors.newFixedThreadPool(threads)) {
            var futures = new ArrayList<Future<Outcome<T>>>();
            for (var i = 0; i < threads; i++) {
                futures.add(executor.submit(runner(barrier, runner, i)));
            }
            var outcomes = new ArrayList<Outcome<T>>();
            for (var future : futures) {
                outcomes.add(outcome(future));
            }
            return outcomes;
        }
    }

    private static <T> Callable<Outcome<T>> runner(
            CyclicBarrier barrier, Runner<T> runner, int number) {
        return () -> {
            barrier.await();
            try {
                return new Outcome.Won<>(runner.run(number));
            } catch (VolumeException e) {
                return new Outcome.Refused<>(e.reason());
            }
        };
    }

    private static <T> Outcome<T> outcome(Future<Outcome<T>> future) throws Exception {
        try {
            return future.get();
        } catch (ExecutionException e) {
            throw new AssertionError("a racing thread failed", e.getCause());
        }
    }

    public static <T> List<T> winners(List<Outcome<T>> outcomes) {
        return outcomes.stream()
                .flatMap(
                        outcome ->
                                switch (outcome) {
                                    case Outcome.Won<T>(var value) -> Stream.of(value);
                                    case Outcome.Refused<T>(var _) -> Stream.<T>empty();
                                })
                .toList();
    }

    public static <T> List<Reason> refusals(List<Outcome<T>> outcomes) {
        return outcomes.stream()
                .flatMap(
                        outcome ->
                                switch (outcome) {
                                    case Outcome.Won<T>(var _) -> Stream.<Reason>empty();
                                    case Outcome.Refused<T>(var reason) -> Stream.of(reason);
                                })
                .toList();
    }
}
