package dev.stowage.backend.file;

import java.io.IOException;

/// Tells what a dead driver left from what a live one is at.
interface Liveness {
    /// True only if the instance certainly runs no more.
    boolean isDead(Instance instance) throws IOException;
}
