package dev.stowage;

import dev.stowage.csi.RpcHandOver;
import dev.stowage.csi.RpcLog;
import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;

/// A gRPC server on a unix socket. The socket appears under its name only once it is bound and
/// nobody but root may use it.
final class CsiServer implements AutoCloseable {
    /// Far over any CSI request: maps and strings have limits of a few KiB.
    private static final int MAX_REQUEST_BYTES = 4 << 20;

    private static final int MAX_CALLS_PER_CONNECTION = 256;

    private final EndpointSocket socket;
    private final EventLoopGroup listening = new EpollEventLoopGroup(1);
    private final EventLoopGroup serving = new EpollEventLoopGroup(2);
    private final ExecutorService threads;
    private final Server server;
    private volatile boolean published;

    /// @param threads carries the RPCs; closed with the server
    CsiServer(EndpointSocket socket, List<BindableService> services, ExecutorService threads) {
        this.socket = socket;
        this.threads = threads;
        var builder =
                NettyServerBuilder.forAddress(new DomainSocketAddress(socket.temporary().toFile()))
                        .channelType(EpollServerDomainSocketChannel.class)
                        .bossEventLoopGroup(listening)
                        .workerEventLoopGroup(serving)
                        .directExecutor()
                        .maxInboundMessageSize(MAX_REQUEST_BYTES)
                        .maxConcurrentCallsPerConnection(MAX_CALLS_PER_CONNECTION)
                        .intercept(new RpcLog())
                        .intercept(new RpcHandOver(threads));
        services.forEach(builder::addService);
        this.server = builder.build();
    }

    /// @throws IOException if the socket can't be had, saying who or what is in the way
    void start() throws IOException {
        socket.makeFree();
        server.start();
        Files.setPosixFilePermissions(
                socket.temporary(), PosixFilePermissions.fromString("rw-------"));
        socket.publish();
        published = true;
    }

    /// No new RPCs; those that run may finish within `grace`, what does not is picked up by the
    /// retry after a restart.
    void stop(Duration grace) throws InterruptedException {
        removeSocket();
        server.shutdown();
        if (!server.awaitTermination(grace.toMillis(), TimeUnit.MILLISECONDS)) {
            server.shutdownNow();
        }
    }

    @Override
    public void close() {
        server.shutdownNow();
        removeSocket();
        threads.shutdown();
        listening.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        serving.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }

    /// Only ours: where this server could not start, another one's is there.
    private void removeSocket() {
        if (published) {
            published = false;
            socket.remove();
        }
    }

    Path path() {
        return socket.path();
    }
}
