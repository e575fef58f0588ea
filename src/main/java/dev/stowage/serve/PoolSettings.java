package dev.stowage.serve;

import dev.stowage.backend.file.FilePoolSettings;
import dev.stowage.config.Config.PoolConfig;

/// What a pool's backend needs to know of its configuration.
public final class PoolSettings {
    private PoolSettings() {}

    public static FilePoolSettings of(String name, PoolConfig pool) {
        return new FilePoolSettings(
                name,
                pool.path(),
                pool.overcommit(),
                pool.requireMount(),
                pool.shared(),
                pool.ephemeral());
    }
}
