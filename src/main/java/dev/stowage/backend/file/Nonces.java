package dev.stowage.backend.file;

import dev.stowage.volume.PooledId;
import java.util.concurrent.atomic.AtomicLong;

/// Names that nobody else uses, each with its maker in it.
final class Nonces {
    /// Begins the name of a record that is being written.
    static final String TEMPORARY = ".tmp.";

    private final Instance instance;
    private final AtomicLong counter = new AtomicLong();

    Nonces(Instance instance) {
        this.instance = instance;
    }

    Instance instance() {
        return instance;
    }

    /// `<id>.<instance>.<counter>`
    String of(PooledId id) {
        return next(id + ".");
    }

    String temporary() {
        return next(TEMPORARY);
    }

    String probe() {
        return next("probe.");
    }

    private String next(String prefix) {
        return prefix + instance + "." + counter.incrementAndGet();
    }
}
