package dev.stowage.serve;

import dev.stowage.csi.RpcHandOver;
import dev.stowage.csi.RpcLog;
import dev.stowage.linux.FileId;
import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.ServerBuilder;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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
    private final ServerBuilder<?> builder;

    /// The last one has the socket; those before it have lost theirs and answer what they were
    /// asked.
    private final List<Server> servers = new ArrayList<>();

    private Optional<FileId> published = Optional.empty();

    /// @param threads carries the RPCs; closed with the server
    CsiServer(EndpointSocket socket, List<BindableService> services, ExecutorService threads) {
        this.socket = socket;
        this.threads = threads;
        builder =
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
    }

    /// @throws IOException if the socket can't be had, saying who or what is in the way
    synchronized void start() throws IOException {
        socket.makeFree();
        var server = builder.build();
        try {
            server.start();
            Files.setPosixFilePermissions(
                    socket.temporary(), PosixFilePermissions.fromString("rw-------"));
            published = Optional.of(socket.publish());
        } catch (IOException e) {
            server.shutdownNow();
            throw socket.notMade(e);
        }
        servers.add(server);
    }

    /// Whether the socket's name does not lead here any more, though this server did not take it
    /// away.
    synchronized boolean hasLostSocket() {
        return published.isPresent() && !socket.leadsTo(published.get());
    }

    /// Serves under the name anew where that leads elsewhere. What was asked through the lost
    /// socket is answered; then its callers have to find the new one.
    ///
    /// @throws IOException as [#start()]
    synchronized void listenAgain() throws IOException {
        if (hasLostSocket()) {
            start();
            servers.removeIf(Server::isTerminated);
            servers.subList(0, servers.size() - 1).forEach(Server::shutdown);
        }
    }

    /// No new RPCs; those that run may finish within `grace`, what does not is picked up by the
    /// retry after a restart.
    void stop(Duration grace) throws InterruptedException {
        var end = System.nanoTime() + grace.toNanos();
        for (var server : ended()) {
            if (!server.awaitTermination(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                server.shutdownNow();
            }
        }
    }

    private synchronized List<Server> ended() {
        removeSocket();
        servers.forEach(Server::shutdown);
        return List.copyOf(servers);
    }

    @Override
    public synchronized void close() {
        servers.forEach(Server::shutdownNow);
        removeSocket();
        threads.shutdown();
        listening.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        serving.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }

    /// Only ours: where this server could not start, another one's is there.
    private void removeSocket() {
        published.ifPresent(socket::remove);
        published = Optional.empty();
    }

    Path path() {
        return socket.path();
    }
}
