package dev.stowage.lab;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Times of steps by name, in the order in which the names were first met. One thread writes.
public final class Stopwatch {
    private final Map<String, List<Long>> nanos = new LinkedHashMap<>();

    public void time(String step, Runnable work) {
        var started = System.nanoTime();
        work.run();
        add(step, System.nanoTime() - started);
    }

    public void add(String step, long elapsedNanos) {
        nanos.computeIfAbsent(step, _ -> new ArrayList<>()).add(elapsedNanos);
    }

    public void addAll(Stopwatch other) {
        other.nanos.forEach((step, times) -> times.forEach(time -> add(step, time)));
    }

    public List<String> steps() {
        return List.copyOf(nanos.keySet());
    }

    public boolean knows(String step) {
        return nanos.containsKey(step);
    }

    /// The time that this share of the step's runs did not exceed (nearest rank).
    ///
    /// @param share from 0 to 1
    public double millis(String step, double share) {
        var sorted = nanos.getOrDefault(step, List.of()).stream().sorted().toList();
        if (sorted.isEmpty()) {
            throw new IllegalArgumentException("nothing was timed as " + step);
        }
        var rank = (int) Math.ceil(share * sorted.size());
        return sorted.get(Math.max(rank - 1, 0)) / 1e6;
    }
}
