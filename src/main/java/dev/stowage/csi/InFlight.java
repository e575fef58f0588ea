package dev.stowage.csi;

import com.google.protobuf.Message;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import io.grpc.Context;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// One operation per volume at a time. An equal request joins the one that runs; another waits a
/// moment and is then told what runs. The work goes on when the caller gives up, and the caller's
/// retry joins it.
final class InFlight {
    /// Answers leave this much before the caller's own deadline, so that it hears what is going on.
    private static final long MARGIN_MILLIS = 300;

    private final ConcurrentHashMap<String, Operation> operations = new ConcurrentHashMap<>();
    private final Executor workers;
    private final Duration patience;
    private final Duration replyLimit;

    /// @param workers runs the work
    /// @param patience how long a request waits for a different one on the same volume
    /// @param replyLimit the longest that a caller without a deadline waits for an answer
    InFlight(Executor workers, Duration patience, Duration replyLimit) {
        this.workers = workers;
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

    /// Runs `work` for the volume `key`, or joins the same request that runs already.
    ///
    /// @param what the operation's name, for messages
    /// @throws VolumeException BUSY if something else runs on the volume or the answer takes too
    ///     long
    <T extends Message> T run(String key, String what, Message request, Callable<T> work)
            throws Exception {
        var mine = new Operation(what, request, System.nanoTime(), new CompletableFuture<>());
        var replyBy = System.nanoTime() + replyTime().toNanos();
        var patientUntil = System.nanoTime() + patience.toNanos();
        while (true) {
            var running = operations.putIfAbsent(key, mine);
            if (running == null) {
                start(key, mine, work);
                return await(key, mine, replyBy);
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

    private <T extends Message> void start(String key, Operation operation, Callable<T> work) {
        try {
            workers.execute(() -> carryOut(key, operation, work));
        } catch (RuntimeException e) {
            operations.remove(key, operation);
            operation.reply.completeExceptionally(e);
        }
    }

    /// The entry goes before the reply: whoever has the reply may start the next operation at once.
    private <T extends Message> void carryOut(String key, Operation operation, Callable<T> work) {
        try {
            var reply = work.call();
            operations.remove(key, operation);
            operation.reply.complete(reply);
        } catch (Throwable e) {
            operations.remove(key, operation);
            operation.reply.completeExceptionally(e);
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
            throw rethrown(Objects.requireNonNull(e.getCause()));
        }
    }

    private static Exception rethrown(Throwable cause) {
        if (cause instanceof Error error) {
            throw error;
        }
        return (Exception) cause;
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

    private Duration replyTime() {
        var deadline = Context.current().getDeadline();
        if (deadline == null) {
            return replyLimit;
        }
        var left =
                Duration.ofMillis(
                        Math.max(0, deadline.timeRemaining(TimeUnit.MILLISECONDS) - MARGIN_MILLIS));
        return left.compareTo(replyLimit) < 0 ? left : replyLimit;
    }
}
