package dev.stowage.serve;

import csi.v1.ProbeRequest;
import dev.stowage.client.CsiClient;
import dev.stowage.linux.IoReason;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.StringJoiner;
import pluginregistration.v1.InfoRequest;

/// Calls this process over its own sockets, each time anew as the kubelet does, so that a lost
/// socket is noticed too.
///
/// @param registration where the kubelet registers the driver; empty: a sidecar does that
record SelfProbe(Path socket, Optional<Path> registration) {
    /// An answer takes microseconds; a machine under load may need seconds.
    private static final Duration LIMIT = Duration.ofSeconds(5);

    /// What is wrong; empty if every socket answers. Whether the driver is ready does not matter: a
    /// restart would not make it so.
    Optional<String> complaint() {
        return failure(
                        socket,
                        client -> {
                            var _ = client.identity(LIMIT).probe(ProbeRequest.getDefaultInstance());
                        })
                .or(() -> registration.flatMap(SelfProbe::registrationFailure));
    }

    private static Optional<String> registrationFailure(Path socket) {
        return failure(
                socket,
                client -> {
                    var _ = client.registration(LIMIT).getInfo(InfoRequest.getDefaultInstance());
                });
    }

    private interface Call {
        void make(CsiClient client);
    }

    private static Optional<String> failure(Path socket, Call call) {
        try (var client = new CsiClient(socket)) {
            call.make(client);
            return Optional.empty();
        } catch (StatusRuntimeException e) {
            return Optional.of("no answer on %s: %s".formatted(socket, words(e.getStatus())));
        }
    }

    /// A status as text would have the stack trace of its cause.
    private static String words(Status status) {
        var words = new StringJoiner(": ").add(status.getCode().toString());
        var description = status.getDescription();
        if (description != null) {
            words.add(description);
        }
        if (status.getCause() instanceof IOException cause) {
            words.add(IoReason.of(cause));
        }
        return words.toString();
    }
}
