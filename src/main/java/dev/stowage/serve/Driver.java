package dev.stowage.serve;

import dev.stowage.backend.file.FilePoolSource;
import dev.stowage.backend.file.FolderClaims;
import dev.stowage.backend.file.FreezeRecords;
import dev.stowage.backend.file.SeenPools;
import dev.stowage.config.Config;
import dev.stowage.csi.ControllerService;
import dev.stowage.csi.GroupControllerService;
import dev.stowage.csi.IdentityService;
import dev.stowage.csi.NodeService;
import dev.stowage.csi.Operations;
import dev.stowage.csi.SnapshotMetadataService;
import dev.stowage.node.Freezing;
import dev.stowage.node.NodeSelfTest;
import dev.stowage.node.StaleStagings;
import dev.stowage.node.device.Connectors;
import dev.stowage.node.filesystem.MkfsTrial;
import dev.stowage.node.limit.PodsGroup;
import dev.stowage.pools.Health;
import dev.stowage.pools.Pool;
import dev.stowage.pools.PoolDefaults;
import dev.stowage.pools.PoolGroups;
import dev.stowage.pools.PoolSnapshots;
import dev.stowage.pools.Pools;
import dev.stowage.pools.SnapshotBlocks;
import dev.stowage.pools.Volumes;
import dev.stowage.spi.Backend;
import dev.stowage.spi.PoolSource;
import dev.stowage.volume.NodeId;
import io.grpc.BindableService;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The driver, wired together and serving.
public final class Driver implements AutoCloseable, SocketWatch.Listener {
    private static final Logger LOG = LoggerFactory.getLogger(Driver.class);

    /// A pool's first opening may clear what a crash left; after this the driver goes on without
    /// it.
    private static final Duration OPENING = Duration.ofSeconds(30);

    private static final Path TEMPORARY = Path.of(System.getProperty("java.io.tmpdir"));

    private final Config config;
    private final Options options;
    private final SeenPools seen;
    private final Pools pools;
    private final Volumes volumes;
    private final PoolStates poolStates;
    private final Connectors connectors;
    private final Freezing freezing;
    private final Operations operations;
    private final NodeService.Host host;
    private final CsiServer server;
    private volatile List<String> nodeProblems = List.of();
    private volatile boolean ready;
    private volatile @Nullable NodeWatch watch;

    /// @param kubelet the kubelet's folder. A node checks that mounts made below it will be seen; a
    ///     controller that has it sees the node's mounts, and may freeze what is in use there
    public record Options(String endpoint, Role role, NodeId node, Optional<Path> kubelet) {
        boolean mayFreeze() {
            return role.servesNode() || kubelet.isPresent();
        }
    }

    public Driver(Config config, Options options) throws IOException {
        this.config = config;
        this.options = options;
        this.seen =
                options.role() == Role.CONTROLLER
                        ? SeenPools.ofAnother(config.state())
                        : new SeenPools(config.state());
        this.pools = pools();
        this.operations = new Operations(pools::waiting);
        this.volumes = new Volumes(pools, options.node(), new MkfsTrial(TEMPORARY));
        this.poolStates = new PoolStates(pools.all());
        this.connectors = NodeHost.connectors(options.node(), pools);
        this.host =
                NodeHost.wire(options.node(), connectors, pools, new PodsGroup(config.cgroup()));
        this.freezing = new Freezing(connectors, new FreezeRecords(config.state()));
        this.server =
                new CsiServer(EndpointSocket.of(options.endpoint()), services(), RpcThreads.make());
    }

    /// Serves at once; ready when the pools have been opened and the node has been checked. What an
    /// earlier driver left frozen is thawed before anything else: applications wait for it.
    public void start() throws IOException {
        if (options.mayFreeze()) {
            freezing.thawLeftovers();
        }
        makeOwnFolder();
        server.start();
        LOG.info(
                "{} {} serves {} on {} as node {}",
                config.driver(),
                Version.text(),
                options.role(),
                server.path(),
                options.node());
        // A pool that hangs must not keep the others from their work.
        var _ = poolStates.read(OPENING);
        if (options.role().servesNode()) {
            examineNode();
            watch = new NodeWatch(pools, duties(), NodeWatch.INTERVAL);
        }
        ready = nodeProblems.isEmpty();
    }

    private List<NodeWatch.Duty> duties() {
        var limiting = host.limiting();
        var stale =
                new StaleStagings(
                        connectors,
                        host.staging(),
                        volumes::unwanted,
                        (id, work) ->
                                operations.runUnasked(
                                        id.toString(), "unstaging a stale staging", work::run),
                        StaleStagings.PATIENCE);
        return List.of(
                new NodeWatch.Duty(
                        "limits of volumes", pool -> limiting.renew(pool.pool(), pool::find)),
                new NodeWatch.Duty("stale stagings", pool -> stale.giveBack(pool.pool())),
                new NodeWatch.Duty("the record of this node", this::announce));
    }

    /// What there was no room for when the pool was opened.
    private void announce(Backend pool) throws IOException {
        var _ = AnnouncedPool.announce(pool, options.node(), config.maxVolumesPerNode());
    }

    private void examineNode() throws IOException {
        var test = new NodeSelfTest();
        test.warnings().forEach(LOG::warn);
        nodeProblems = test.problems(options.kubelet());
        nodeProblems.forEach(LOG::error);
    }

    @Override
    public Path socket() {
        return server.path();
    }

    @Override
    public boolean hasLostSocket() {
        return server.hasLostSocket();
    }

    @Override
    public void listenAgain() throws IOException {
        makeOwnFolder();
        server.listenAgain();
    }

    /// The folder of the socket, where it is the driver's own at the kubelet.
    private void makeOwnFolder() throws IOException {
        var kubelet = options.kubelet().map(KubeletFolder::new);
        if (kubelet.isPresent() && kubelet.get().socketOf(config.driver()).equals(server.path())) {
            kubelet.get().makeFolderOf(config.driver());
        }
    }

    /// Whether this node reaches a pool that the kubelet was not told of.
    boolean reachesMoreThanTold() {
        return volumes.reachesMoreThanTold();
    }

    boolean ready() {
        return ready;
    }

    /// How ready the driver is and what each pool says, also where one hangs.
    Readiness readiness() {
        return new Readiness(ready, poolStates.read(), nodeProblems, host.limiting().notApplied());
    }

    /// Ends within `grace`, letting RPCs that run finish.
    public void stop(Duration grace) throws InterruptedException {
        ready = false;
        server.stop(grace);
        close();
    }

    @Override
    public void close() {
        server.close();
        var watching = watch;
        if (watching != null) {
            watching.close();
        }
        operations.close();
        poolStates.close();
        pools.close();
    }

    private List<BindableService> services() {
        var health = new Health(pools, poolStates);
        var services = new ArrayList<BindableService>();
        var snapshots = new PoolSnapshots(pools, options.node(), freezing);
        var groups = new PoolGroups(pools, options.node(), freezing);
        var blocks = new SnapshotBlocks(pools);
        services.add(
                new IdentityService(
                        config.driver(),
                        Version.text(),
                        () -> ready,
                        snapshots::possible,
                        () -> config.attach() && groups.possible(),
                        blocks::possible));
        if (options.role().servesController()) {
            services.add(
                    new ControllerService(volumes, snapshots, health, operations, config.attach()));
            services.add(new SnapshotMetadataService(blocks));
        }
        if (options.role().servesController() && config.attach()) {
            services.add(new GroupControllerService(groups, operations));
        }
        if (options.role().servesNode()) {
            services.add(
                    new NodeService(
                            options.node(),
                            config.maxVolumesPerNode(),
                            config.attach(),
                            volumes,
                            host,
                            health,
                            operations));
        }
        return services;
    }

    private Pools pools() {
        var all = new ArrayList<Pool>();
        var paths = new TreeMap<String, Path>();
        config.pools().forEach((name, pool) -> paths.put(name, pool.path()));
        var claims = new FolderClaims(paths);
        config.pools()
                .forEach(
                        (name, pool) ->
                                all.add(
                                        new Pool(
                                                name,
                                                new PoolDefaults(
                                                        pool.filesystem(), pool.provisioning()),
                                                source(name, pool, claims))));
        return new Pools(all, config.defaultPool());
    }

    private PoolSource source(String name, Config.PoolConfig pool, FolderClaims claims) {
        var settings = PoolSettings.of(name, pool);
        var source = new FilePoolSource(settings, seen, options.node(), claims);
        return options.role().servesNode()
                ? new AnnouncedPool(source, options.node(), config.maxVolumesPerNode())
                : source;
    }
}
