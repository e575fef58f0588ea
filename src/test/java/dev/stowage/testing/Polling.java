package dev.stowage.testing;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;

/// Waits for a condition, never for a time.
public final class Polling {
    private static final long PAUSE_NANOS = 5_000_000;

    private Polling() {}

    /// Fails, saying `what`, if the condition does not come true within the limit.
    public static void await(String what, Duration limit, Callable<Boolean> condition)
            throws Exception {
        var end = System.nanoTime() + limit.toNanos();
        while (!condition.call()) {
            if (System.nanoTime() - end >= 0) {
                throw new AssertionError("Not within " + limit.toMillis() + " ms: " + what);
            }
            pause();
        }
    }

    static void pause() {
        LockSupport.parkNanos(PAUSE_NANOS);
    }
}
