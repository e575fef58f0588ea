package dev.stowage;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.stowage.Config.PoolConfig;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The configuration file, in YAML. Unknown keys are refused with their place and the nearest known
/// key.
final class ConfigFile {
    private static final String DRIVER = "csi.stowage.dev";
    private static final Path STATE = Path.of("/var/lib/stowage");

    /// Well under the kernel's 2^20 loop devices, and about what one kubelet manages.
    private static final int MAX_VOLUMES = 250;

    /// CSI's GetPluginInfoResponse.name.
    private static final Pattern DRIVER_NAME =
            Pattern.compile("[A-Za-z0-9]([-.A-Za-z0-9]{0,61}[A-Za-z0-9])?");

    private ConfigFile() {}

    /// @throws ConfigException with file, line and remedy
    static Config read(Path file) {
        try {
            return new Parsed(file, MAPPER.readValue(Files.readString(file), Yaml.class)).config();
        } catch (UnrecognizedPropertyException e) {
            throw new ConfigException(
                    at(file, e)
                            + "unknown key '%s'%s".formatted(e.getPropertyName(), Nearest.hint(e)));
        } catch (JsonProcessingException e) {
            throw new ConfigException(at(file, e) + e.getOriginalMessage());
        } catch (IOException e) {
            throw new ConfigException(
                    "can't read the configuration %s: %s".formatted(file, e.getMessage()));
        }
    }

    private static final YAMLMapper MAPPER =
            YAMLMapper.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                    .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
                    .build();

    private static String at(Path file, JsonProcessingException e) {
        var location =
                e.getProcessor() instanceof JsonParser parser
                        ? parser.currentTokenLocation()
                        : e.getLocation();
        return location == null || location.getLineNr() < 1
                ? "%s: ".formatted(file)
                : "%s, line %d: ".formatted(file, location.getLineNr());
    }

    /// The file as written.
    private record Yaml(
            @Nullable String driver,
            @JsonProperty(required = true) @Nullable Boolean attach,
            @Nullable String state,
            @Nullable String defaultPool,
            @Nullable Integer maxVolumesPerNode,
            @Nullable String cgroup,
            @Nullable Map<String, YamlPool> pools) {}

    private record YamlPool(
            @Nullable String type,
            @Nullable String path,
            @Nullable String filesystem,
            @Nullable String provisioning,
            @Nullable Double overcommit,
            @Nullable Boolean requireMount,
            @Nullable Boolean shared,
            @Nullable Boolean ephemeral) {}

    /// The checks of what was read, which need the file's name for their messages.
    private record Parsed(Path file, Yaml yaml) {
        Config config() {
            var pools = pools();
            var attach = Boolean.TRUE.equals(yaml.attach);
            pools.forEach((name, pool) -> checkReach(name, pool, attach));
            return new Config(
                    driver(),
                    attach,
                    yaml.state == null ? STATE : Path.of(yaml.state),
                    defaultPool(pools),
                    maxVolumes(),
                    cgroup(),
                    pools);
        }

        private String driver() {
            var name = yaml.driver == null ? DRIVER : yaml.driver;
            if (!DRIVER_NAME.matcher(name).matches()) {
                throw refused(
                        "driver '%s' is not a valid name: use a domain name of at most 63 characters",
                        name);
            }
            return name;
        }

        private int maxVolumes() {
            var max = yaml.maxVolumesPerNode == null ? MAX_VOLUMES : yaml.maxVolumesPerNode;
            if (max < 1) {
                throw refused("maxVolumesPerNode is %d: use a positive number", max);
            }
            return max;
        }

        private Optional<Path> cgroup() {
            if (yaml.cgroup != null && !yaml.cgroup.startsWith("/")) {
                throw refused(
                        "cgroup is '%s': use an absolute path, as in /sys/fs/cgroup/kubepods.slice",
                        yaml.cgroup);
            }
            return Optional.ofNullable(yaml.cgroup).map(path -> Path.of(path).normalize());
        }

        private Optional<String> defaultPool(Map<String, PoolConfig> pools) {
            if (yaml.defaultPool == null) {
                return pools.size() == 1 ? pools.keySet().stream().findFirst() : Optional.empty();
            }
            if (!pools.containsKey(yaml.defaultPool)) {
                throw refused(
                        "defaultPool '%s' is not one of the pools %s",
                        yaml.defaultPool, pools.keySet());
            }
            return Optional.of(yaml.defaultPool);
        }

        private Map<String, PoolConfig> pools() {
            if (yaml.pools == null || yaml.pools.isEmpty()) {
                throw refused(
                        "there are no pools: add at least one, as in  pools: {ssd: {type: file, path: /srv/ssd}}");
            }
            var pools = new TreeMap<String, PoolConfig>();
            yaml.pools.forEach((name, pool) -> pools.put(name, pool(name, pool)));
            refuseSharedPaths(pools);
            return pools;
        }

        private void refuseSharedPaths(Map<String, PoolConfig> pools) {
            var owners = new HashMap<Path, String>();
            pools.forEach(
                    (name, pool) -> {
                        var other = owners.put(pool.path(), name);
                        if (other != null) {
                            throw refused(
                                    "pools %s and %s have the same path %s: give each a folder of its own",
                                    other, name, pool.path());
                        }
                    });
        }

        private PoolConfig pool(String name, @Nullable YamlPool pool) {
            if (pool == null) {
                throw refused("pool %s is empty: say its type and path", name);
            }
            try {
                PoolId.requireName(name);
                return new PoolConfig(
                        type(name, pool),
                        path(name, pool),
                        pool.filesystem == null
                                ? FileSystemType.EXT4
                                : FileSystemType.require(pool.filesystem),
                        pool.provisioning == null
                                ? Provisioning.THICK
                                : Provisioning.require(pool.provisioning),
                        overcommit(name, pool),
                        Boolean.TRUE.equals(pool.requireMount),
                        Boolean.TRUE.equals(pool.shared),
                        Boolean.TRUE.equals(pool.ephemeral));
            } catch (VolumeException e) {
                throw refused("pool %s: %s", name, e.getMessage());
            }
        }

        private String type(String name, YamlPool pool) {
            if (pool.type == null || !pool.type.equals("file")) {
                throw refused("pool %s has type '%s': use file", name, String.valueOf(pool.type));
            }
            return pool.type;
        }

        private Path path(String name, YamlPool pool) {
            if (pool.path == null || !pool.path.startsWith("/")) {
                throw refused(
                        "pool %s needs an absolute path, not '%s'",
                        name, String.valueOf(pool.path));
            }
            return Path.of(pool.path).normalize();
        }

        private double overcommit(String name, YamlPool pool) {
            var ratio = pool.overcommit == null ? 1.0 : pool.overcommit;
            if (!(ratio >= 1.0) || Double.isInfinite(ratio)) {
                throw refused("pool %s has overcommit %s: use 1.0 or more", name, ratio);
            }
            return ratio;
        }

        private void checkReach(String name, PoolConfig pool, boolean attach) {
            if (attach && !pool.shared()) {
                throw refused(
                        "pool %s is not shared, and with attach: true a volume must be reachable from every node: set shared: true if its folder is the same on all nodes, or attach: false",
                        name);
            }
            if (!attach && pool.shared()) {
                throw refused(
                        "pool %s is shared, and with attach: false nothing would keep two nodes from writing one volume: set attach: true, or shared: false if its folder is this node's own",
                        name);
            }
        }

        private ConfigException refused(String message, Object... arguments) {
            return new ConfigException(file + ": " + message.formatted(arguments));
        }
    }
}
