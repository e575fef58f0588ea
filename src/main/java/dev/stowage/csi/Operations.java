package dev.stowage.csi;

import com.google.protobuf.Empty;
import com.google.protobuf.Message;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/// What runs on volumes in this process, shared by the Controller and Node services: they must not
/// work on one volume at the same time either. Work runs on the RPC's own thread; a caller that
/// would wait too long is answered by a clock meanwhile.
public final class Operations implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    /// Shorter than the kubelet's two minutes for one call (pkg/volume/csi, csiTimeout).
    private static final Duration REPLY_LIMIT = Duration.ofSeconds(100);

    /// A reading waits for no change, and a hung volume is told of soon.
    private static final Duration READING_LIMIT = Duration.ofSeconds(5);

    private static final int TICK_SECONDS = 2;

    private final InFlight changes = new InFlight(PATIENCE, REPLY_LIMIT);
    private final InFlight readings;
    private final Function<Thread, Optional<String>> waiting;
    private final ScheduledThreadPoolExecutor clock = clock();

    /// @param waiting what a thread waits for in a pool, in words; empty if it does not
    public Operations(Function<Thread, Optional<String>> waiting) {
        this(waiting, READING_LIMIT);
    }

    Operations(Function<Thread, Optional<String>> waiting, Duration readingLimit) {
        this.waiting = waiting;
        this.readings = new InFlight(readingLimit, readingLimit);
    }

    /// Answers an RPC with what the call returns or throws. A call that takes too long goes on, but
    /// its caller is told so in time, and its retry joins: UNAVAILABLE if it waits for a pool,
    /// otherwise ABORTED.
    <T> void answer(StreamObserver<T> observer, Callable<T> call) {
        answerWithin(REPLY_LIMIT, observer, call);
    }

    /// As [#answer], for what only looks.
    <T> void answerSoon(StreamObserver<T> observer, Callable<T> call) {
        answerWithin(READING_LIMIT, observer, call);
    }

    /// Runs what changes the volume, one at a time.
    <T extends Message> T run(String volume, String what, Message request, Callable<T> work)
            throws Exception {
        return changes.run(volume, what, request, work);
    }

    /// As [#run], for what nobody asked for.
    public void runUnasked(String volume, String what, Unasked work) throws Exception {
        var _ =
                run(
                        volume,
                        what,
                        Empty.getDefaultInstance(),
                        () -> {
                            work.run();
                            return Empty.getDefaultInstance();
                        });
    }

    public interface Unasked {
        void run() throws Exception;
    }

    /// Runs what only looks at the volume, whatever changes it meanwhile. One reading at a time,
    /// through whichever of its paths: one that hangs costs one thread, not one for each path.
    <T extends Message> T read(String volume, String what, Message request, Callable<T> work)
            throws Exception {
        return readings.run(volume, what, request, work);
    }

    private <T> void answerWithin(Duration limit, StreamObserver<T> observer, Callable<T> call) {
        var reply = new OneReply<>(observer);
        var within = ReplyTime.atMost(limit);
        var thread = Thread.currentThread();
        var alarm =
                clock.schedule(
                        () -> reply.refuse(goesOn(within, thread)),
                        within.toMillis(),
                        TimeUnit.MILLISECONDS);
        try {
            reply.of(call);
        } finally {
            alarm.cancel(false);
        }
    }

    private VolumeException goesOn(Duration since, Thread thread) {
        var pool = waiting.apply(thread);
        return new VolumeException(
                pool.isPresent() ? Reason.UNAVAILABLE : Reason.BUSY,
                "no result after %.1f s%s; the operation goes on, and a retry joins it"
                        .formatted(
                                since.toMillis() / 1000.0,
                                pool.map(what -> ": it waits for " + what).orElse("")));
    }

    private static ScheduledThreadPoolExecutor clock() {
        var factory = Thread.ofPlatform().name("reply-clock").daemon(true).factory();
        var clock = new ScheduledThreadPoolExecutor(1, factory);
        clock.setRemoveOnCancelPolicy(true);
        // An alarm that is due before all others wakes the clock's thread when it is set. The tick
        // is due before that of any call, so a call costs no switch to that thread and back.
        var _ = clock.scheduleAtFixedRate(() -> {}, TICK_SECONDS, TICK_SECONDS, TimeUnit.SECONDS);
        return clock;
    }

    @Override
    public void close() {
        clock.shutdownNow();
    }
}
