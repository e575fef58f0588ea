package dev.stowage.linux;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/// Asks again and again, with growing pauses, until the answer is yes or the time is over.
final class Patience {
    private static final long FIRST_PAUSE_NANOS = 100_000;
    private static final long LONGEST_PAUSE_NANOS = 20_000_000;

    private Patience() {}

    interface Question {
        boolean ask() throws ErrnoException;
    }

    /// The last answer. Asks at least once.
    static boolean until(Duration limit, Question question) throws ErrnoException {
        var end = System.nanoTime() + limit.toNanos();
        var pause = FIRST_PAUSE_NANOS;
        while (!question.ask()) {
            if (System.nanoTime() - end >= 0) {
                return false;
            }
            LockSupport.parkNanos(pause);
            pause = Math.min(2 * pause, LONGEST_PAUSE_NANOS);
        }
        return true;
    }
}
