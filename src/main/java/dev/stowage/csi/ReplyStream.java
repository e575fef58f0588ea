package dev.stowage.csi;

import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/// The answers to an RPC that gives many, as fast as the caller takes them, and one status behind
/// them. For the RPC's own thread.
final class ReplyStream<T> {
    /// gRPC says on another thread, at any time, that there is room again. What it says as this
    /// begins to listen may be missed, so it is also asked this often.
    private static final long ASKING_MILLIS = 50;

    private final ServerCallStreamObserver<T> call;
    private final Duration patience;
    private final Semaphore room = new Semaphore(0);

    interface Work<T> {
        void into(ReplyStream<T> replies) throws Exception;
    }

    /// @param patience how long a caller may take nothing before it is given up
    ReplyStream(StreamObserver<T> observer, Duration patience) {
        this.call = (ServerCallStreamObserver<T>) observer;
        this.patience = patience;
        call.setOnCancelHandler(room::release);
        call.setOnReadyHandler(room::release);
    }

    /// Runs the work, then ends the stream: complete if it returned, else with what it threw.
    void of(Work<T> work) {
        try {
            work.into(this);
        } catch (Throwable e) {
            call.onError(cancelled() ? Replies.gone() : Replies.error(e));
            return;
        }
        call.onCompleted();
    }

    /// Whether nobody wants the rest. Asked by work that has nothing to send for long.
    boolean cancelled() {
        return call.isCancelled();
    }

    /// Sends one answer when there is room for it.
    ///
    /// @throws InterruptedIOException if nobody wants it
    /// @throws VolumeException BUSY if the caller takes nothing
    void send(T reply) throws InterruptedIOException {
        var givenUp = System.nanoTime() + patience.toNanos();
        while (!call.isReady()) {
            if (cancelled()) {
                throw new InterruptedIOException("the call was cancelled");
            }
            if (System.nanoTime() - givenUp >= 0) {
                throw new VolumeException(
                        Reason.BUSY,
                        "the caller took nothing for %d s: ask again from where this ends"
                                .formatted(patience.toSeconds()));
            }
            awaitRoom();
        }
        call.onNext(reply);
    }

    private void awaitRoom() throws InterruptedIOException {
        try {
            var _ = room.tryAcquire(ASKING_MILLIS, TimeUnit.MILLISECONDS);
            room.drainPermits();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("the driver ends");
        }
    }
}
