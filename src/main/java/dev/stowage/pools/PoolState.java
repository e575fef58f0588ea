package dev.stowage.pools;

import dev.stowage.volume.Condition;
import java.util.List;
import java.util.Optional;

/// How a pool is.
///
/// @param pool its name in the configuration
/// @param absence why this machine does not have the pool, which is no fault; empty if it has
/// @param conditions what is wrong with it
public record PoolState(String pool, Optional<String> absence, List<Condition> conditions) {
    public PoolState {
        conditions = List.copyOf(conditions);
    }

    public static PoolState absent(String pool, String why) {
        return new PoolState(pool, Optional.of(why), List.of());
    }

    public static PoolState present(String pool, List<Condition> conditions) {
        return new PoolState(pool, Optional.empty(), conditions);
    }

    /// Whether its volumes can be looked at.
    public boolean usable() {
        return absence.isEmpty() && conditions.stream().noneMatch(Condition::shutsOut);
    }
}
