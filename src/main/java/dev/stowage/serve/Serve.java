package dev.stowage.serve;

import static java.util.Objects.requireNonNull;

import dev.stowage.config.AbsolutePath;
import dev.stowage.config.Config;
import dev.stowage.config.ConfigException;
import dev.stowage.config.ConfigFile;
import dev.stowage.kubernetes.ApiServer;
import dev.stowage.kubernetes.ClaimEvents;
import dev.stowage.linux.Linux;
import dev.stowage.volume.NodeId;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
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
public final class Serve implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(Serve.class);

    /// Kubernetes kills a pod 30 s after SIGTERM unless told otherwise
    /// (terminationGracePeriodSeconds).
    private static final Duration GRACE = Duration.ofSeconds(20);

    /// What is made with a mode of its own has no bit of it, and all else is for all to read.
    private static final int UMASK = 0022;

    private static final Set<String> LOG_LEVELS =
            Set.of("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "OFF");

    @Option(
            names = "--config",
            required = true,
            paramLabel = "FILE",
            description = "The configuration, in YAML.")
    private @Nullable Path config;

    @Option(
            names = "--endpoint",
            paramLabel = "unix:///PATH",
            description =
                    "The socket to serve on (default: plugins/DRIVER/csi.sock in --kubelet-dir).")
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
                    "The kubelet's folder: at start it is checked that the kubelet will see mounts made below it, and what a killed driver left frozen there is thawed.")
    private @Nullable Path kubelet;

    @Option(
            names = "--register",
            description =
                    "Register with the kubelet of --kubelet-dir, so that no node-driver-registrar is needed.")
    private boolean register;

    @Option(
            names = "--claim-events",
            description =
                    "Give claims that fit on no node an event that says how much is free. For a driver in a pod, beside the provisioner.")
    private boolean claimEvents;

    @Option(
            names = "--http",
            paramLabel = "[ADDRESS]:PORT",
            description =
                    "Serve /healthz and /readyz there, so that no livenessprobe is needed (default: not at all).")
    private @Nullable String http;

    @Override
    public Integer call() throws IOException, InterruptedException {
        requireWhole();
        Linux.setUmask(UMASK);
        var settings = ConfigFile.read(requireNonNull(config));
        var options =
                new Driver.Options(
                        endpoint(settings.driver()),
                        role,
                        NodeId.of(
                                nodeId == null ? InetAddress.getLocalHost().getHostName() : nodeId),
                        Optional.ofNullable(kubelet));
        var serving =
                new Serving(
                        settings,
                        options,
                        registering(),
                        claimEvents(settings, options.node()),
                        Optional.ofNullable(http).map(ListenAddress::parse));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(serving), "stop"));
        serving.start();
        return serving.awaitEnd();
    }

    private void requireWhole() {
        var level = System.getenv().getOrDefault("STOWAGE_LOG_LEVEL", "INFO");
        if (!LOG_LEVELS.contains(level.toUpperCase(Locale.ROOT))) {
            throw new ConfigException(
                    "STOWAGE_LOG_LEVEL is '%s': use one of TRACE, DEBUG, INFO, WARN, ERROR and OFF"
                            .formatted(level));
        }
        if (kubelet != null) {
            kubelet = AbsolutePath.parse("--kubelet-dir", kubelet.toString());
        }
    }

    private Optional<KubeletFolder> registering() {
        if (!register) {
            return Optional.empty();
        }
        if (kubelet == null || !role.servesNode()) {
            throw new ConfigException(
                    "--register is for nodes and needs --kubelet-dir, such as /var/lib/kubelet");
        }
        return Optional.of(new KubeletFolder(kubelet));
    }

    private Optional<ClaimEvents> claimEvents(Config settings, NodeId node) {
        if (!claimEvents) {
            return Optional.empty();
        }
        if (!role.servesController()) {
            throw new ConfigException(
                    "--claim-events is for drivers with a provisioner beside them, not for --role node");
        }
        return Optional.of(
                new ClaimEvents(
                        new ApiServer(System.getenv(), ApiServer.ACCOUNT),
                        settings.driver(),
                        settings.attach() ? Optional.empty() : Optional.of(node.value())));
    }

    private String endpoint(String driver) {
        if (endpoint != null) {
            return endpoint;
        }
        if (kubelet == null) {
            throw new ConfigException(
                    "there is no socket to serve on: give --endpoint or --kubelet-dir");
        }
        return new KubeletFolder(kubelet).socketOf(driver).toString();
    }

    private static void stop(Serving serving) {
        LOG.info("stopping");
        try {
            serving.stop(GRACE);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
