package dev.stowage.csi;

import io.grpc.stub.StreamObserver;
import java.util.concurrent.Callable;

/// How every RPC ends: with one reply or one status, never with neither.
final class Rpc {
    private Rpc() {}

    static <T> void answer(StreamObserver<T> observer, Callable<T> call) {
        T reply;
        try {
            reply = call.call();
        } catch (Throwable e) {
            observer.onError(Replies.error(e));
            return;
        }
        observer.onNext(reply);
        observer.onCompleted();
    }
}
