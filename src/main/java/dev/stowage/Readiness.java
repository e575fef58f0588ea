package dev.stowage;

import java.util.ArrayList;
import java.util.List;

/// How ready the driver is. A pool that can't be used does not make it less ready: the others work.
///
/// @param problems what keeps this node from working, in sentences
record Readiness(boolean ready, List<PoolStates.State> pools, List<String> problems) {
    /// For a person: one line for the whole, for each problem and for each pool.
    String text() {
        var lines = new ArrayList<String>();
        lines.add(ready ? "ready" : "not ready");
        problems.forEach(problem -> lines.add("node: " + problem));
        for (var pool : pools) {
            lines.add(
                    pool.pool() + pool.sickness().map(why -> " unavailable: " + why).orElse(" ok"));
        }
        return String.join("\n", lines);
    }
}
