package dev.stowage.csi;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;

/// The one answer to an RPC: a reply or a status, never neither and never both. Whoever comes first
/// gives it.
final class OneReply<T> {
    private final StreamObserver<T> observer;
    private final AtomicBoolean given = new AtomicBoolean();

    OneReply(StreamObserver<T> observer) {
        this.observer = observer;
        if (observer instanceof ServerCallStreamObserver<T> call) {
            // Without a handler, answering a caller that has given up would throw.
            call.setOnCancelHandler(() -> {});
        }
    }

    /// Answers with what the call returns or throws.
    void of(Callable<T> call) {
        T reply;
        try {
            reply = call.call();
        } catch (Throwable e) {
            refuse(e);
            return;
        }
        if (given.compareAndSet(false, true)) {
            observer.onNext(reply);
            observer.onCompleted();
        }
    }

    void refuse(Throwable error) {
        var status = Replies.error(error);
        if (given.compareAndSet(false, true)) {
            observer.onError(status);
        }
    }
}
