package dev.stowage.e2e;

import java.time.Duration;
import java.util.concurrent.Callable;

/// Waiting for what has no watch.
final class Polling {
    private static final Duration PAUSE = Duration.ofMillis(500);

    private Polling() {}

    /// Asks until the answer is yes; an exception counts as no, and is the cause if time runs out.
    static void until(Duration limit, Callable<Boolean> question, String what) throws Exception {
        var end = System.nanoTime() + limit.toNanos();
        Exception last = null;
        while (System.nanoTime() < end) {
            try {
                if (question.call()) {
                    return;
                }
                last = null;
            } catch (InterruptedException e) {
                throw e;
            } catch (Exception e) {
                last = e;
            }
            Thread.sleep(PAUSE.toMillis());
        }
        throw new AssertionError("waited %s in vain: %s".formatted(limit, what), last);
    }
}
