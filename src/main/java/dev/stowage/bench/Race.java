package dev.stowage.bench;

import dev.stowage.lab.Narration;
import dev.stowage.lab.Stopwatch;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/// Contestants that take turns, so that what else the machine does hits all of them alike.
///
/// @param lanes in each lane the same contestants in the same order; lanes run at the same time
record Race(List<List<Contestant>> lanes) {
    /// Runs so many rounds; in each, every contestant of every lane lives once.
    ///
    /// @param name begins the volumes' names
    Stopwatch run(String name, int rounds) throws IOException {
        var watches = lanes.stream().map(_ -> new Stopwatch()).toList();
        try (var threads = Executors.newFixedThreadPool(lanes.size())) {
            for (var round = 0; round < rounds; round++) {
                turns(threads, watches, name + "-" + round, round);
            }
        }
        var all = new Stopwatch();
        watches.forEach(all::addAll);
        return all;
    }

    private void turns(ExecutorService threads, List<Stopwatch> watches, String name, int round)
            throws IOException {
        var contestants = lanes.getFirst().size();
        for (var turn = 0; turn < contestants; turn++) {
            var contestant = (turn + round) % contestants;
            var lives = new ArrayList<Callable<Boolean>>();
            for (var lane = 0; lane < lanes.size(); lane++) {
                var number = lane;
                lives.add(
                        () -> {
                            lanes.get(number)
                                    .get(contestant)
                                    .live(name + "-" + number, watches.get(number));
                            return true;
                        });
            }
            awaitAll(threads, lives);
        }
    }

    private static void awaitAll(ExecutorService threads, List<Callable<Boolean>> lives)
            throws IOException {
        try {
            for (var life : threads.invokeAll(lives)) {
                life.get();
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof io.grpc.StatusRuntimeException refusal) {
                throw new IOException("the driver failed: " + Narration.reason(refusal), e);
            }
            throw new IOException(String.valueOf(e.getCause()), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
