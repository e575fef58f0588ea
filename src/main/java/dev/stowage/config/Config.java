package dev.stowage.config;

import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Provisioning;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/// The configuration file, read once at start and the same on all nodes. Unknown keys are refused
/// with their place and the nearest known key; there are no secrets in it.
///
/// @param driver the driver's name in Kubernetes; can't be changed once volumes exist
/// @param attach true: a central controller attaches volumes of shared pools; false: each node
///     serves its own
/// @param state the driver's own small folder: the pools it has seen
/// @param defaultPool for requests that name no pool; may be left out where there is only one
/// @param maxVolumesPerNode how many volumes the scheduler may place on one node
/// @param cgroup the cgroup that has all pods of a node below it, through which their I/O is
///     limited; empty: it is looked for
public record Config(
        String driver,
        boolean attach,
        Path state,
        Optional<String> defaultPool,
        int maxVolumesPerNode,
        Optional<Path> cgroup,
        Map<String, PoolConfig> pools) {
    /// One pool, as it is written. What is left out is decided by the constructor.
    ///
    /// @param path the pool's folder
    /// @param filesystem what volumes are formatted with when nobody says otherwise
    /// @param overcommit how many times its size thin volumes may reserve; at least 1
    /// @param requireMount refuse the pool while its path is not on a mounted disk of its own
    /// @param shared the folder is the same on several nodes
    /// @param ephemeral allow a file system that does not survive a reboot
    public record PoolConfig(
            String type,
            Path path,
            FileSystemType filesystem,
            Provisioning provisioning,
            double overcommit,
            boolean requireMount,
            boolean shared,
            boolean ephemeral) {}
}
