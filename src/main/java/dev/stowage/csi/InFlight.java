package dev.stowage.csi;

import com.google.protobuf.Message;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// One operation per volume at a time. An equal request joins the one that runs; another waits a
/// moment and is then told what runs.
final class InFlight {
    private final ConcurrentHashMap<String, Operation> operations = new ConcurrentHashMap<>();
    private final Duration patience;
    private final Duration replyLimit;

    /// @param patience how long a request waits for a different one on the same volume
    /// @param replyLimit the longest that a request waits for an equal one
    InFlight(Duration patience, Duration replyLimit) {
        this.patience = patience;
        this.replyLimit = replyLimit;
    }

    private record Operation(
            String what, Message request, long startedNanos, CompletableFuture<Message> reply) {
        boolean sameAs(Operation other) {
            return what.equals(other.what) && request.equals(other.request);
        }

        String since() {
            var millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startedNanos);
            return "%s runs since %d.%03d s".formatted(what, millis / 1000, millis % 1000);
        }
    }

    /// Runs `work` for the volume `key` on this thread, or joins the same request that runs already
    /// on another.
    ///
    /// @param what the operation's name, for messages
    /// @throws VolumeException BUSY if something else runs on the volume, or the one that was
    ///     joined takes too long
    <T extends Message> T run(String key, String what, Message request, Callable<T> work)
            throws Exception {
        var mine = new Operation(what, request, System.nanoTime(), new CompletableFuture<>());
        var replyBy = System.nanoTime() + ReplyTime.atMost(replyLimit).toNanos();
        var patientUntil = System.nanoTime() + patience.toNanos();
        while (true) {
            var running = operations.putIfAbsent(key, mine);
            if (running == null) {
                return carryOut(key, mine, work);
            }
            if (running.sameAs(mine)) {
                return await(key, running, replyBy);
            }
            if (!ended(running, Math.min(patientUntil, replyBy))) {
                throw new VolumeException(
                        Reason.BUSY,
                        "%s must wait: on volume %s %s; retry"
                                .formatted(what, key, running.since()));
            }
        }
    }

    /// The entry goes before the reply: whoever has the reply may start the next operation at once.
    private <T extends Message> T carryOut(String key, Operation operation, Callable<T> work)
            throws Exception {
        try {
            var reply = work.call();
            operations.remove(key, operation);
            operation.reply.complete(reply);
            return reply;
        } catch (Throwable e) {
            operations.remove(key, operation);
            operation.reply.completeExceptionally(e);
            throw e;
        }
    }

    /// The reply's type is the caller's: equal operations have the same name and so the same kind
    /// of reply.
    @SuppressWarnings("unchecked")
    private static <T extends Message> T await(String key, Operation operation, long untilNanos)
            throws Exception {
        try {
            return (T) operation.reply.get(untilNanos - System.nanoTime(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            throw new VolumeException(
                    Reason.BUSY,
                    "on volume %s %s and goes on; a retry joins it"
                            .formatted(key, operation.since()),
                    e);
        } catch (ExecutionException e) {
            throw joined(Objects.requireNonNull(e.getCause()));
        }
    }

    /// Whoever carried it out logs what went wrong.
    private static Exception joined(Throwable failure) {
        return failure instanceof VolumeException refused
                ? refused
                : new ReportedException(failure);
    }

    private static boolean ended(Operation operation, long untilNanos) throws InterruptedException {
        try {
            operation.reply.get(untilNanos - System.nanoTime(), TimeUnit.NANOSECONDS);
            return true;
        } catch (ExecutionException e) {
            return true;
        } catch (TimeoutException e) {
            return false;
        }
    }
}
