package dev.stowage.client;

import csi.v1.ControllerGrpc;
import csi.v1.GroupControllerGrpc;
import csi.v1.IdentityGrpc;
import csi.v1.NodeGrpc;
import csi.v1.SnapshotMetadataGrpc;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import pluginregistration.v1.RegistrationGrpc;

/// A caller of a driver over its unix socket, as the kubelet and the sidecars are.
public final class CsiClient implements AutoCloseable {
    /// What the sidecars give a call by default is 15 s; formatting a large volume takes longer.
    private static final long LIMIT_SECONDS = 120;

    private final EventLoopGroup events = new EpollEventLoopGroup(1);
    private final ManagedChannel channel;

    public CsiClient(Path socket) {
        this.channel =
                NettyChannelBuilder.forTarget(target(socket))
                        .channelType(EpollDomainSocketChannel.class)
                        .eventLoopGroup(events)
                        .overrideAuthority(
                                "localhost") // a socket's path is no valid HTTP/2 authority
                        .directExecutor() // callers block on their own threads
                        .disableRetry() // who retries, and what, is decided by who calls
                        .usePlaintext()
                        .build();
    }

    /// gRPC makes a URI of an address without escaping what a path may have and a URI may not.
    private static String target(Path socket) {
        return "unix://" + socket.toAbsolutePath().toUri().getRawPath();
    }

    public IdentityGrpc.IdentityBlockingStub identity() {
        return IdentityGrpc.newBlockingStub(channel)
                .withWaitForReady()
                .withDeadlineAfter(LIMIT_SECONDS, TimeUnit.SECONDS);
    }

    /// Fails at once where nobody serves.
    public IdentityGrpc.IdentityBlockingStub identity(Duration limit) {
        return IdentityGrpc.newBlockingStub(channel)
                .withDeadlineAfter(limit.toMillis(), TimeUnit.MILLISECONDS);
    }

    /// Fails at once where nobody serves.
    public RegistrationGrpc.RegistrationBlockingStub registration(Duration limit) {
        return RegistrationGrpc.newBlockingStub(channel)
                .withDeadlineAfter(limit.toMillis(), TimeUnit.MILLISECONDS);
    }

    public ControllerGrpc.ControllerBlockingStub controller() {
        return ControllerGrpc.newBlockingStub(channel)
                .withDeadlineAfter(LIMIT_SECONDS, TimeUnit.SECONDS);
    }

    public GroupControllerGrpc.GroupControllerBlockingStub groups() {
        return GroupControllerGrpc.newBlockingStub(channel)
                .withDeadlineAfter(LIMIT_SECONDS, TimeUnit.SECONDS);
    }

    public SnapshotMetadataGrpc.SnapshotMetadataBlockingStub snapshotMetadata() {
        return SnapshotMetadataGrpc.newBlockingStub(channel)
                .withDeadlineAfter(LIMIT_SECONDS, TimeUnit.SECONDS);
    }

    public NodeGrpc.NodeBlockingStub node() {
        return NodeGrpc.newBlockingStub(channel).withDeadlineAfter(LIMIT_SECONDS, TimeUnit.SECONDS);
    }

    @Override
    public void close() {
        channel.shutdownNow();
        events.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(1, TimeUnit.SECONDS);
    }
}
