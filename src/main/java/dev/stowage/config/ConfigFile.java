package dev.stowage.config;

import dev.stowage.config.Config.PoolConfig;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.VolumeException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;

/// The configuration file, in YAML. What it says is taken as it is written or refused with its
/// place and what to write: nothing is dropped, converted, or resolved by where the driver was
/// started.
public final class ConfigFile {
    private static final String DRIVER = "csi.stowage.dev";
    private static final Path STATE = Path.of("/var/lib/stowage");
    private static final Set<String> KEYS =
            Set.of(
                    "driver",
                    "attach",
                    "state",
                    "defaultPool",
                    "maxVolumesPerNode",
                    "cgroup",
                    "pools");
    private static final Set<String> POOL_KEYS =
            Set.of(
                    "type",
                    "path",
                    "filesystem",
                    "provisioning",
                    "overcommit",
                    "requireMount",
                    "shared",
                    "ephemeral");

    /// Well under the kernel's loop devices, and about what one kubelet manages.
    private static final int MAX_VOLUMES = 250;

    /// Minor numbers of the kernel's loop devices (MINORBITS, linux/kdev_t.h).
    private static final int LOOP_DEVICES = 1 << 20;

    private static final int MAX_OVERCOMMIT = 1_000_000;

    /// CSI's GetPluginInfoResponse.name.
    private static final Pattern DRIVER_NAME =
            Pattern.compile("[A-Za-z0-9]([-.A-Za-z0-9]{0,61}[A-Za-z0-9])?");

    private final ConfigValue whole;
    private final Map<String, ConfigValue> values;

    private ConfigFile(ConfigValue whole) {
        this.whole = whole;
        this.values = whole.entries(KEYS);
    }

    /// @throws ConfigException with file, line and remedy
    public static Config read(Path file) {
        return new ConfigFile(ConfigText.read(file)).config();
    }

    private Config config() {
        var attach = attach();
        var pools = pools(attach);
        return new Config(
                driver(),
                attach,
                state(pools),
                defaultPool(pools),
                maxVolumes(),
                value("cgroup").map(ConfigFile::cgroup),
                pools);
    }

    private Optional<ConfigValue> value(String key) {
        return Optional.ofNullable(values.get(key));
    }

    private boolean attach() {
        return value("attach")
                .orElseThrow(
                        () ->
                                whole.refused(
                                        "attach is missing: write  attach: false  if each node has pools of its own, or  attach: true  if all reach the same"))
                .truth();
    }

    private String driver() {
        var value = value("driver");
        var name = value.map(ConfigValue::text).orElse(DRIVER);
        if (!DRIVER_NAME.matcher(name).matches()) {
            throw value.orElse(whole)
                    .refused(
                            "driver '%s' is not a valid name: use a domain name of at most 63 characters",
                            name);
        }
        return name;
    }

    /// A pool in it is well: that is the driver's usual layout, /var/lib/stowage/ssd.
    private Path state(Map<String, PoolConfig> pools) {
        var value = value("state");
        var state = value.map(ConfigValue::path).orElse(STATE);
        pools.forEach(
                (name, pool) -> {
                    if (state.startsWith(pool.path())) {
                        throw value.orElse(whole)
                                .refused(
                                        "state %s is the folder pools.%s.path %s or inside it: give the driver's state a folder outside the pools",
                                        state, name, pool.path());
                    }
                });
        return state;
    }

    private int maxVolumes() {
        var value = value("maxVolumesPerNode");
        if (value.isEmpty()) {
            return MAX_VOLUMES;
        }
        var max = value.get().wholeNumber();
        if (max.isEmpty() || max.getAsLong() < 1 || max.getAsLong() > LOOP_DEVICES) {
            throw value.get()
                    .refused(
                            "maxVolumesPerNode is %s: use a positive number in plain digits, at most %d",
                            value.get().kind(), LOOP_DEVICES);
        }
        return Math.toIntExact(max.getAsLong());
    }

    private static Path cgroup(ConfigValue value) {
        try {
            return value.path();
        } catch (ConfigException e) {
            throw new ConfigException(e.getMessage() + ", as in /sys/fs/cgroup/kubepods.slice");
        }
    }

    private Optional<String> defaultPool(Map<String, PoolConfig> pools) {
        var value = value("defaultPool");
        if (value.isEmpty()) {
            return pools.size() == 1 ? pools.keySet().stream().findFirst() : Optional.empty();
        }
        var name = value.get().text();
        if (!pools.containsKey(name)) {
            throw value.get()
                    .refused("defaultPool '%s' is not one of the pools %s", name, pools.keySet());
        }
        return Optional.of(name);
    }

    private Map<String, PoolConfig> pools(boolean attach) {
        var written = value("pools").map(value -> value.entries(Set.of())).orElse(Map.of());
        if (written.isEmpty()) {
            throw value("pools")
                    .orElse(whole)
                    .refused(
                            "there are no pools: add at least one, as in  pools: {ssd: {type: file, path: /srv/ssd}}");
        }
        var pools = new TreeMap<String, PoolConfig>();
        written.forEach(
                (name, value) -> {
                    var pool = new PoolEntry(name, value).pool();
                    checkReach(value, name, pool, attach);
                    pools.forEach((other, its) -> checkApart(value, name, pool, other, its));
                    pools.put(name, pool);
                });
        return pools;
    }

    private static void checkApart(
            ConfigValue place, String name, PoolConfig pool, String other, PoolConfig its) {
        if (pool.path().equals(its.path())) {
            throw place.refused(
                    "pools %s and %s have the same path %s: give each a folder of its own",
                    other, name, pool.path());
        }
        if (pool.path().startsWith(its.path())) {
            throw nested(place, name, pool, other, its);
        }
        if (its.path().startsWith(pool.path())) {
            throw nested(place, other, its, name, pool);
        }
    }

    private static ConfigException nested(
            ConfigValue place, String inner, PoolConfig its, String outer, PoolConfig around) {
        return place.refused(
                "pools.%s.path %s is inside pools.%s.path %s: give each a folder of its own",
                inner, its.path(), outer, around.path());
    }

    private static void checkReach(
            ConfigValue place, String name, PoolConfig pool, boolean attach) {
        if (attach && !pool.shared()) {
            throw place.refused(
                    "pool %s is not shared, and with attach: true a volume must be reachable from every node: set shared: true if its folder is the same on all nodes, or attach: false",
                    name);
        }
        if (!attach && pool.shared()) {
            throw place.refused(
                    "pool %s is shared, and with attach: false nothing would keep two nodes from writing one volume: set attach: true, or shared: false if its folder is this node's own",
                    name);
        }
    }

    /// One pool as it is written.
    private record PoolEntry(String name, ConfigValue place, Map<String, ConfigValue> values) {
        PoolEntry(String name, ConfigValue place) {
            this(name, place, keys(name, place));
        }

        private static Map<String, ConfigValue> keys(String name, ConfigValue place) {
            if (place.isNothing()) {
                throw place.refused("pool %s is empty: say its type and path", name);
            }
            return place.entries(POOL_KEYS);
        }

        PoolConfig pool() {
            try {
                PoolId.requireName(name);
                return new PoolConfig(
                        type(),
                        path(),
                        text("filesystem").map(FileSystemType::require).orElse(FileSystemType.EXT4),
                        text("provisioning").map(Provisioning::require).orElse(Provisioning.THICK),
                        overcommit(),
                        truth("requireMount"),
                        truth("shared"),
                        truth("ephemeral"));
            } catch (VolumeException e) {
                throw place.refused("pool %s: %s", name, e.getMessage());
            }
        }

        private Optional<ConfigValue> value(String key) {
            return Optional.ofNullable(values.get(key));
        }

        private Optional<String> text(String key) {
            return value(key).map(ConfigValue::text);
        }

        private boolean truth(String key) {
            return value(key).map(ConfigValue::truth).orElse(false);
        }

        private String type() {
            var type = text("type");
            if (type.isEmpty() || !type.get().equals("file")) {
                throw value("type")
                        .orElse(place)
                        .refused("pool %s has type '%s': use file", name, type.orElse("null"));
            }
            return type.get();
        }

        private Path path() {
            var value = value("path").orElseThrow(() -> needsPath(place, "null"));
            if (!value.text().startsWith("/")) {
                throw needsPath(value, value.text());
            }
            return value.path();
        }

        private ConfigException needsPath(ConfigValue where, String text) {
            return where.refused("pool %s needs an absolute path, not '%s'", name, text);
        }

        private double overcommit() {
            var value = value("overcommit");
            if (value.isEmpty()) {
                return 1.0;
            }
            var ratio = value.get().decimal();
            if (ratio.isEmpty()
                    || ratio.getAsDouble() < 1.0
                    || ratio.getAsDouble() > MAX_OVERCOMMIT) {
                throw value.get()
                        .refused(
                                "pool %s: overcommit is %s: use 1.0 or more in plain digits, at most %d",
                                name, value.get().kind(), MAX_OVERCOMMIT);
            }
            return ratio.getAsDouble();
        }
    }
}
