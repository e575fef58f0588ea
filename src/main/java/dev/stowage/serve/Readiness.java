package dev.stowage.serve;

import dev.stowage.pools.PoolState;
import dev.stowage.volume.VolumeId;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;

/// How ready the driver is. A pool that can't be used does not make it less ready: the others work.
///
/// @param problems what keeps this node from working, in sentences
/// @param notLimited volumes on this node whose limits on I/O are not applied, and why
record Readiness(
        boolean ready,
        List<PoolState> pools,
        List<String> problems,
        SortedMap<VolumeId, String> notLimited) {
    private static final int VOLUMES_NAMED = 20;

    /// Not ready, for one more reason.
    Readiness spoiltBy(String problem) {
        var all = new ArrayList<>(problems);
        all.add(problem);
        return new Readiness(false, pools, all, notLimited);
    }

    /// For a person: one line for the whole, for each problem, for each pool, and for the first of
    /// the volumes without their limits.
    String text() {
        var lines = new ArrayList<String>();
        lines.add(ready ? "ready" : "not ready");
        problems.forEach(problem -> lines.add("node: " + problem));
        pools.forEach(pool -> lines.addAll(lines(pool)));
        notLimited.entrySet().stream()
                .limit(VOLUMES_NAMED)
                .forEach(one -> lines.add("volume %s: %s".formatted(one.getKey(), one.getValue())));
        if (notLimited.size() > VOLUMES_NAMED) {
            lines.add(
                    "%d more volumes have limits that are not applied"
                            .formatted(notLimited.size() - VOLUMES_NAMED));
        }
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
