package dev.stowage.csi;

import com.google.protobuf.Message;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/// One log line for each RPC: method, volume or snapshot, result code, milliseconds, and for an
/// error its message. Nothing else of a request is ever logged: it may hold secrets. Checks of
/// health come every few seconds: that they succeed is logged at DEBUG. So is a failure that
/// repeats one of the last ten minutes word for word.
public final class RpcLog implements ServerInterceptor {
    private static final Logger LOG = LoggerFactory.getLogger("rpc");
    private static final String[] NAMING_FIELDS = {
        "volume_id", "name", "snapshot_id", "target_snapshot_id"
    };
    private static final Pattern CONTROL = Pattern.compile("\\p{Cntrl}");
    private static final Set<String> HEALTH_CHECKS = Set.of("Probe", "GetInfo");

    private final RepeatedFailures failures = new RepeatedFailures();

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        var entry = new Entry(call.getMethodDescriptor().getBareMethodName());
        var logged =
                new SimpleForwardingServerCall<Q, A>(call) {
                    @Override
                    public void close(Status status, Metadata trailers) {
                        super.close(status, trailers);
                        entry.write(status);
                    }
                };
        return new SimpleForwardingServerCallListener<>(next.startCall(logged, headers)) {
            @Override
            public void onMessage(Q request) {
                entry.request = request;
                super.onMessage(request);
            }
        };
    }

    private final class Entry {
        private final String method;
        private final long startedNanos = System.nanoTime();
        private volatile @Nullable Object request;

        Entry(@Nullable String method) {
            this.method = String.valueOf(method);
        }

        /// Written when the answer is on its way: nobody waits for it.
        void write(Status status) {
            var nanos = System.nanoTime();
            var millis = TimeUnit.NANOSECONDS.toMicros(nanos - startedNanos) / 1000.0;
            var volume = name();
            if (status.isOk()) {
                failures.succeeded(method, volume);
                LOG.atLevel(HEALTH_CHECKS.contains(method) ? Level.DEBUG : Level.INFO)
                        .log("{} {} OK {} ms", method, volume, millis);
                return;
            }
            var message = oneLine(String.valueOf(status.getDescription()));
            var left = failures.failed(method, volume, status.getCode() + message, nanos);
            LOG.atLevel(left.isPresent() ? Level.WARN : Level.DEBUG)
                    .log(
                            "{} {} {} {} ms: {}{}",
                            method,
                            volume,
                            status.getCode(),
                            millis,
                            message,
                            repeated(left.orElse(0)));
        }

        private static String repeated(int times) {
            return times == 0 ? "" : " (repeated %d times since it was logged)".formatted(times);
        }

        private String name() {
            var found = "-";
            if (request instanceof Message message) {
                for (var name : NAMING_FIELDS) {
                    var field = message.getDescriptorForType().findFieldByName(name);
                    if (field != null
                            && message.getField(field) instanceof String text
                            && !text.isEmpty()) {
                        found = printable(text);
                    }
                }
            }
            return found;
        }

        /// A name is the caller's text: control characters must not forge log lines.
        private static String printable(String text) {
            var cut = text.length() > 128 ? text.substring(0, 128) + "..." : text;
            return oneLine(cut);
        }

        private static String oneLine(String text) {
            return CONTROL.matcher(text).replaceAll("?");
        }
    }
}
