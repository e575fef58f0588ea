package dev.stowage.cli;

import static java.util.Objects.requireNonNull;

import dev.stowage.backend.file.OfflinePool;
import dev.stowage.config.Config;
import dev.stowage.config.Config.PoolConfig;
import dev.stowage.config.ConfigException;
import dev.stowage.config.ConfigFile;
import dev.stowage.serve.PoolSettings;
import dev.stowage.volume.NodeId;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// Which pool a command is about. In the driver's container only `--pool` needs to be said.
public final class PoolOptions {
    @Option(
            names = "--config",
            paramLabel = "FILE",
            defaultValue = "/etc/stowage/stowage.yaml",
            description = "The driver's configuration (default: ${DEFAULT-VALUE}).")
    private @Nullable Path file;

    @Option(names = "--pool", required = true, paramLabel = "POOL", description = "The pool.")
    private @Nullable String pool;

    @Option(
            names = "--node-id",
            paramLabel = "NAME",
            description =
                    "This node's name in the cluster (default: the variable NODE_NAME, or the host name).")
    private @Nullable String nodeId;

    public Config config() {
        return ConfigFile.read(requireNonNull(file));
    }

    public NodeId node() throws IOException {
        var named = nodeId == null ? System.getenv("NODE_NAME") : nodeId;
        return NodeId.of(named == null ? InetAddress.getLocalHost().getHostName() : named);
    }

    public PoolConfig pool(Config config) {
        var found = config.pools().get(requireNonNull(pool));
        if (found == null) {
            throw new ConfigException(
                    "pool '%s' is not configured in %s: use one of %s"
                            .formatted(pool, file, String.join(", ", config.pools().keySet())));
        }
        return found;
    }

    public OfflinePool enter(PoolConfig config) throws IOException {
        return OfflinePool.enter(PoolSettings.of(requireNonNull(pool), config), node());
    }
}
