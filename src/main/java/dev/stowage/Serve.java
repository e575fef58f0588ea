package dev.stowage;

import dev.stowage.volume.NodeId;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `stowage serve`: the driver itself.
@Command(
        name = "serve",
        description = "Serve CSI on a unix socket.",
        mixinStandardHelpOptions = true)
final class Serve implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(Serve.class);

    /// Kubernetes kills a pod 30 s after SIGTERM unless told otherwise
    /// (terminationGracePeriodSeconds).
    private static final Duration GRACE = Duration.ofSeconds(20);

    @Option(
            names = "--config",
            required = true,
            paramLabel = "FILE",
            description = "The configuration, in YAML.")
    private @Nullable Path config;

    @Option(
            names = "--endpoint",
            required = true,
            paramLabel = "unix:///PATH",
            description = "The socket to serve on.")
    private @Nullable String endpoint;

    @Option(
            names = "--role",
            defaultValue = "all",
            description =
                    "Services to offer: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private Role role = Role.ALL;

    @Option(
            names = "--node-id",
            paramLabel = "NAME",
            description = "This node's name in the cluster (default: the host name).")
    private @Nullable String nodeId;

    @Option(
            names = "--kubelet-dir",
            paramLabel = "PATH",
            description =
                    "The kubelet's folder: at start it is checked that the kubelet will see mounts made below it.")
    private @Nullable Path kubelet;

    @Override
    public Integer call() throws IOException, InterruptedException {
        var options =
                new Driver.Options(
                        java.util.Objects.requireNonNull(endpoint),
                        role,
                        NodeId.of(
                                nodeId == null ? InetAddress.getLocalHost().getHostName() : nodeId),
                        Optional.ofNullable(kubelet));
        var driver = new Driver(ConfigFile.read(java.util.Objects.requireNonNull(config)), options);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(driver), "stop"));
        driver.start();
        driver.awaitTermination();
        return 0;
    }

    private static void stop(Driver driver) {
        LOG.info("stopping");
        try {
            driver.stop(GRACE);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
