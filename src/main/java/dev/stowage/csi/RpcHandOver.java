package dev.stowage.csi;

import io.grpc.Context;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import java.util.concurrent.Executor;

/// Carries an RPC out on a thread of its own from the moment its request is whole; what comes
/// before never blocks and stays on the event loop. gRPC's own way, an executor for every event of
/// a call, hands a call over twice and back once more: with a kernel's work of a millisecond or
/// less, each hand-over is felt.
///
/// A server with this has a direct executor. What gRPC tells of a call later, such as that more may
/// be sent, it tells on the event loop, at the same time as the call is carried out.
public final class RpcHandOver implements ServerInterceptor {
    private final Executor threads;

    /// @param threads refuses with a [dev.stowage.volume.VolumeException] what it can't take
    public RpcHandOver(Executor threads) {
        this.threads = threads;
    }

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        return new SimpleForwardingServerCallListener<>(next.startCall(call, headers)) {
            @Override
            public void onHalfClose() {
                var rpc = Context.current().wrap(this::carryOut);
                try {
                    threads.execute(rpc);
                } catch (RuntimeException e) {
                    refuse(e);
                }
            }

            private void carryOut() {
                try {
                    super.onHalfClose();
                } catch (RuntimeException | Error e) {
                    refuse(e);
                }
            }

            private void refuse(Throwable e) {
                call.close(Replies.error(e).getStatus(), new Metadata());
            }
        };
    }
}
