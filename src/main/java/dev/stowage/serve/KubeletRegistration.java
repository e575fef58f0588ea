package dev.stowage.serve;

import dev.stowage.csi.RegistrationService;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Makes the driver known to the kubelet, as node-driver-registrar would: a socket in the folder
/// that the kubelet watches. The kubelet asks it who the driver is when the socket appears, also in
/// place of one that a killed driver left, and at each of its own starts; when the socket goes, the
/// kubelet forgets the driver.
final class KubeletRegistration implements AutoCloseable, SocketWatch.Listener {
    private static final Logger LOG = LoggerFactory.getLogger(KubeletRegistration.class);

    private final CsiServer server;
    private final Path folder;
    private final BooleanSupplier outdated;

    /// @param endpoint the driver's own socket, which must serve before this starts
    /// @param refused told the kubelet's reason
    /// @param outdated whether the kubelet should ask anew what it asked when it registered the
    ///     driver
    KubeletRegistration(
            String driver,
            KubeletFolder kubelet,
            Path endpoint,
            Consumer<String> refused,
            BooleanSupplier outdated) {
        kubelet.requireInside(endpoint);
        this.outdated = outdated;
        this.folder = kubelet.registry();
        this.server =
                new CsiServer(
                        EndpointSocket.at(
                                kubelet.registrationSocketOf(driver),
                                "use only one of --register and node-driver-registrar"),
                        List.of(new RegistrationService(driver, endpoint.toString(), refused)),
                        RpcThreads.make());
    }

    void start() throws IOException {
        if (!Files.isDirectory(folder)) {
            throw new IOException(
                    "there is no folder %s, which the kubelet makes: let --kubelet-dir name the kubelet's folder, and mount it into the container at the same path"
                            .formatted(folder));
        }
        server.start();
    }

    @Override
    public Path socket() {
        return server.path();
    }

    /// The kubelet registers a driver whose socket appears.
    @Override
    public void removeIfOutdated() {
        if (!outdated.getAsBoolean()) {
            return;
        }
        LOG.info("this node reaches more pools than it told the kubelet: it is registered anew");
        try {
            Files.deleteIfExists(socket());
        } catch (IOException e) {
            LOG.warn("{} can't be removed, so the kubelet is not told", socket(), e);
        }
    }

    /// Not while the kubelet's folder is gone: the kubelet makes that when it starts, and asks then
    /// whoever is in it.
    @Override
    public boolean hasLostSocket() {
        return server.hasLostSocket() && Files.isDirectory(folder);
    }

    @Override
    public void listenAgain() throws IOException {
        server.listenAgain();
    }

    /// Why the kubelet can't find the driver, where a restart would not help.
    Optional<String> obstacle() {
        return Files.isDirectory(folder)
                ? Optional.empty()
                : Optional.of(
                        "the folder %s is gone, so the kubelet can't find the driver: restart the kubelet, which makes it"
                                .formatted(folder));
    }

    /// The kubelet forgets the driver; what it has asked is answered.
    void stop(Duration grace) throws InterruptedException {
        server.stop(grace);
        close();
    }

    @Override
    public void close() {
        server.close();
    }
}
