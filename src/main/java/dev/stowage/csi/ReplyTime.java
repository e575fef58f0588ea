package dev.stowage.csi;

import io.grpc.Context;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/// How long a caller is kept waiting for an answer.
final class ReplyTime {
    /// Answers leave this much before the caller's own deadline, so that it hears what goes on.
    private static final long MARGIN_MILLIS = 300;

    private ReplyTime() {}

    /// The time until the current call's deadline, less a margin, and at most `limit`.
    static Duration atMost(Duration limit) {
        var deadline = Context.current().getDeadline();
        if (deadline == null) {
            return limit;
        }
        var millis = Math.max(0, deadline.timeRemaining(TimeUnit.MILLISECONDS) - MARGIN_MILLIS);
        return millis < limit.toMillis() ? Duration.ofMillis(millis) : limit;
    }
}
