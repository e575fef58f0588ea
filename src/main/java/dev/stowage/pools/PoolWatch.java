package dev.stowage.pools;

import java.util.List;

/// Asks pools how they are, within a few seconds also where one hangs.
public interface PoolWatch {
    /// In the order of `pools`.
    List<PoolState> states(List<Pool> pools);
}
