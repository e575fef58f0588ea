package dev.stowage.serve;

import dev.stowage.config.Config;
import dev.stowage.kubernetes.ClaimEvents;
import dev.stowage.serve.HealthPages.Page;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// All that one process serves: the driver and, where asked for, its registration with the kubelet,
/// its pages of health and its events on claims.
final class Serving {
    private static final Logger LOG = LoggerFactory.getLogger(Serving.class);

    /// The kubelet does not register twice what it refused once: a restart makes it try again.
    private static final int REFUSED = 1;

    private static final int SOCKET_LOST = 1;

    private final Driver driver;
    private final Optional<KubeletRegistration> registration;
    private final Optional<ClaimEvents> claimEvents;
    private final Optional<InetSocketAddress> http;
    private final CompletableFuture<Integer> exit = new CompletableFuture<>();
    private volatile boolean registered;
    private volatile @Nullable HealthPages pages;
    private volatile @Nullable SocketWatch sockets;

    /// @param register the folder of the kubelet that is to know the driver; empty: a sidecar
    ///     registers it, or nobody
    /// @param http where to serve the pages of health
    Serving(
            Config config,
            Driver.Options options,
            Optional<KubeletFolder> register,
            Optional<ClaimEvents> claimEvents,
            Optional<InetSocketAddress> http)
            throws IOException {
        this.driver = new Driver(config, options);
        this.registration =
                register.map(
                        kubelet ->
                                new KubeletRegistration(
                                        config.driver(),
                                        kubelet,
                                        driver.socket(),
                                        _ -> exit.complete(REFUSED),
                                        driver::reachesMoreThanTold));
        this.claimEvents = claimEvents;
        this.http = http;
    }

    void start() throws IOException {
        if (http.isPresent()) {
            pages = HealthPages.serve(http.get(), this::healthz, this::readyz);
        }
        driver.start();
        if (registration.isPresent()) {
            register(registration.get());
        }
        sockets = new SocketWatch(listeners(), () -> exit.complete(SOCKET_LOST));
        claimEvents.ifPresent(ClaimEvents::start);
    }

    /// The kubelet is told of a driver that serves already.
    private List<SocketWatch.Listener> listeners() {
        return Stream.<SocketWatch.Listener>concat(Stream.of(driver), registration.stream())
                .toList();
    }

    /// Not on a node where it can't work: the kubelet would send it pods, and these would write
    /// into folders where their volumes should be.
    private void register(KubeletRegistration registration) throws IOException {
        if (driver.ready()) {
            registration.start();
            registered = true;
            LOG.info("the kubelet finds the driver at {}", registration.socket());
        } else {
            LOG.error("this node can't work (see above), so the kubelet is not told of the driver");
        }
    }

    /// Waits until this process should end by itself, and says with which code.
    int awaitEnd() throws InterruptedException {
        try {
            return exit.get();
        } catch (java.util.concurrent.ExecutionException e) {
            throw new IllegalStateException("the exit code is never an exception", e);
        }
    }

    /// The kubelet is told first, so that it sends nothing new.
    void stop(Duration grace) throws InterruptedException {
        registered = false;
        var watching = sockets;
        if (watching != null) {
            watching.close();
        }
        claimEvents.ifPresent(ClaimEvents::close);
        var end = System.nanoTime() + grace.toNanos();
        if (registration.isPresent()) {
            registration.get().stop(grace);
        }
        driver.stop(Duration.ofNanos(Math.max(0, end - System.nanoTime())));
        var serving = pages;
        if (serving != null) {
            serving.close();
        }
    }

    /// Where the pages of health are, if they are.
    Optional<InetSocketAddress> httpAddress() {
        return Optional.ofNullable(pages).map(HealthPages::address);
    }

    private Page healthz() {
        var sockets = new SelfProbe(driver.socket(), registrationSocket());
        return sockets.complaint()
                .map(complaint -> new Page(false, complaint))
                .orElseGet(() -> new Page(true, "ok"));
    }

    /// Not where the kubelet's folder is gone: a restart would not bring it back.
    private Optional<Path> registrationSocket() {
        return registered && registrationObstacle().isEmpty()
                ? registration.map(KubeletRegistration::socket)
                : Optional.empty();
    }

    private Optional<String> registrationObstacle() {
        return registered ? registration.flatMap(KubeletRegistration::obstacle) : Optional.empty();
    }

    private Page readyz() {
        var obstacle = registrationObstacle();
        var readiness =
                obstacle.isPresent()
                        ? driver.readiness().spoiltBy(obstacle.get())
                        : driver.readiness();
        return new Page(readiness.ready(), readiness.text());
    }
}
