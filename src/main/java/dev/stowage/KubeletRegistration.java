package dev.stowage;

import dev.stowage.csi.RegistrationService;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/// Makes the driver known to the kubelet, as node-driver-registrar would: a socket in the folder
/// that the kubelet watches. The kubelet asks it who the driver is when the socket appears, also in
/// place of one that a killed driver left, and at each of its own starts; when the socket goes, the
/// kubelet forgets the driver.
final class KubeletRegistration implements AutoCloseable {
    private final CsiServer server;

    /// @param endpoint the driver's own socket, which must serve before this starts
    /// @param refused told the kubelet's reason
    KubeletRegistration(
            String driver, KubeletFolder kubelet, Path endpoint, Consumer<String> refused) {
        kubelet.requireInside(endpoint);
        this.server =
                new CsiServer(
                        EndpointSocket.at(
                                kubelet.registrationSocketOf(driver),
                                "use only one of --register and node-driver-registrar"),
                        List.of(new RegistrationService(driver, endpoint.toString(), refused)),
                        RpcThreads.make());
    }

    void start() throws IOException {
        var folder = server.path().getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            throw new IOException(
                    "there is no folder %s, which the kubelet makes: let --kubelet-dir name the kubelet's folder, and mount it into the container at the same path"
                            .formatted(folder));
        }
        server.start();
    }

    Path socket() {
        return server.path();
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
