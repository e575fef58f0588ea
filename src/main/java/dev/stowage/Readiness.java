package dev.stowage;

import dev.stowage.volume.PoolState;
import java.util.ArrayList;
import java.util.List;

/// How ready the driver is. A pool that can't be used does not make it less ready: the others work.
///
/// @param problems what keeps this node from working, in sentences
record Readiness(boolean ready, List<PoolState> pools, List<String> problems) {
    /// For a person: one line for the whole, for each problem and for each pool.
    String text() {
        var lines = new ArrayList<String>();
        lines.add(ready ? "ready" : "not ready");
        problems.forEach(problem -> lines.add("node: " + problem));
        pools.forEach(pool -> lines.addAll(lines(pool)));
        return String.join("\n", lines);
    }

    private static List<String> lines(PoolState pool) {
        if (pool.absence().isPresent()) {
            return List.of(pool.pool() + " unavailable: " + pool.absence().get());
        }
        if (pool.conditions().isEmpty()) {
            return List.of(pool.pool() + " ok");
        }
        return pool.conditions().stream()
                .map(
                        condition ->
                                "%s %s: %s"
                                        .formatted(
                                                pool.pool(),
                                                condition.shutsOut() ? "unavailable" : "degraded",
                                                condition.message()))
                .toList();
    }
}
