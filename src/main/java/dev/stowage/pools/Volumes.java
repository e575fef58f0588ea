package dev.stowage.pools;

import dev.stowage.spi.Attachment;
import dev.stowage.spi.Backend;
import dev.stowage.spi.Cloning;
import dev.stowage.spi.FormatTrial;
import dev.stowage.spi.Modifiable;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.AccessType;
import dev.stowage.volume.Capability;
import dev.stowage.volume.Capacity;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.Content;
import dev.stowage.volume.IoSupplier;
import dev.stowage.volume.LimitKey;
import dev.stowage.volume.LimitSettings;
import dev.stowage.volume.ListedVolume;
import dev.stowage.volume.MountOptions;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Topology;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import dev.stowage.volume.VolumeSpec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Volumes of all pools: chooses the pool for a request, finds the pool of an id, and holds what
/// must be the same for every backend, such as what counts as the same request.
public final class Volumes {
    /// What a pool is asked for, in messages.
    static final String LIST = "the list of its volumes";

    private final Pools pools;
    private final NodeId node;
    private final Contents contents;
    private final WaitingDeletions waitingDeletions = new WaitingDeletions();

    /// What [#topologyOfNode] said last.
    private volatile Optional<Topology> told = Optional.empty();

    public Volumes(Pools pools, NodeId node, FormatTrial trial) {
        this.pools = pools;
        this.node = node;
        this.contents = new Contents(pools, trial);
    }

    /// A volume and where it can be reached.
    public record Created(Volume volume, Topology topology) {}

    /// One page of volumes; `next` is the token for the following page, empty on the last.
    public record Page(List<ListedVolume> volumes, Optional<VolumeId> next) {}

    /// What is asked of [#capacity]: for volumes of which kind, seen from where.
    ///
    /// @param capabilities how the volumes are to be used; empty: in any way
    /// @param mkfsOptions for those that are to be mounted
    /// @param place all that a node there tells of itself, where they must be reached; without
    ///     segments: anywhere
    public record CapacityQuery(
            Optional<String> pool,
            Optional<Provisioning> provisioning,
            List<Capability> capabilities,
            List<String> mkfsOptions,
            Topology place) {
        public CapacityQuery {
            capabilities = List.copyOf(capabilities);
            mkfsOptions = List.copyOf(mkfsOptions);
        }
    }

    /// A volume that is asked for, in the pool that is to have it.
    ///
    /// @param id that it has, or will have
    /// @param topology where it can be reached
    public record Wanted(Backend backend, VolumeId id, VolumeSpec spec, Topology topology) {}

    /// Chooses the pool and decides all that the request leaves to it.
    ///
    /// @throws VolumeException if the pool can't be used, or can't make such a volume
    public Wanted resolve(VolumeRequest request) {
        var pool = pools.named(request.pool());
        var spec = request.resolve(pool.defaults());
        var backend = pool.backend();
        requireModes(backend, request.capabilities());
        var topology = backend.topology(node);
        requireReach(pool, topology, request.requisite());
        return new Wanted(backend, VolumeId.of(backend.pool(), spec.name()), spec, topology);
    }

    /// Makes the volume, or finds the one that the same request made before.
    ///
    /// @throws VolumeException ALREADY_EXISTS if the name is taken by a volume that differs from
    ///     the request
    public Created create(Wanted wanted) throws IOException {
        var volume = contents.make(wanted.backend(), wanted.id(), wanted.spec());
        requireSame(volume, wanted.spec());
        return new Created(volume, wanted.topology());
    }

    public void delete(VolumeId id) throws IOException {
        try {
            pools.holding(id).delete(id);
            waitingDeletions.forget(id);
        } catch (VolumeException e) {
            if (e.reason() == Reason.FAILED_PRECONDITION) {
                waitingDeletions.refused(id);
            }
            throw e;
        }
    }

    public WaitingDeletions waitingDeletions() {
        return waitingDeletions;
    }

    /// Whether the volume is deleted, or would be if it were not in use.
    public boolean unwanted(VolumeId id) throws IOException {
        return waitingDeletions.has(id) || pools.holding(id).find(id).isEmpty();
    }

    /// @throws VolumeException NOT_FOUND if there is no such volume
    public Volume require(VolumeId id) throws IOException {
        return pools.holding(id).find(id).orElseThrow(() -> Backend.noSuchVolume(id.toString()));
    }

    public Volume expand(VolumeId id, CapacityRange capacity) throws IOException {
        var volume = require(id);
        if (capacity.holds(volume.capacityBytes())) {
            return volume;
        }
        requireWithinLimit(volume, capacity);
        return pools.holding(id).expand(id, contents.growth(volume, capacity));
    }

    /// The volume after its growth, which must have happened already.
    ///
    /// @throws VolumeException FAILED_PRECONDITION if it has not; OUT_OF_RANGE over the limit
    public Volume requireGrown(VolumeId id, CapacityRange capacity) throws IOException {
        var volume = require(id);
        requireWithinLimit(volume, capacity);
        if (capacity.requiredBytes() > volume.capacityBytes()) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "volume %s has %d bytes, less than the %d asked for: ControllerExpandVolume comes first"
                            .formatted(id, volume.capacityBytes(), capacity.requiredBytes()));
        }
        return volume;
    }

    /// Replaces what can be changed of the volume's limits.
    ///
    /// @throws VolumeException FAILED_PRECONDITION if the volume's pool can't change volumes
    public Volume modify(VolumeId id, Map<LimitKey, Long> mutable) throws IOException {
        var volume = require(id);
        if (!(pools.holding(id) instanceof Modifiable backend)) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "volume %s lies in pool %s, whose volumes can't be changed"
                            .formatted(id, id.pool()));
        }
        return volume.limits().mutable().equals(mutable) ? volume : backend.modify(id, mutable);
    }

    private static void requireWithinLimit(Volume volume, CapacityRange capacity) {
        if (capacity.limitBytes() > 0 && volume.capacityBytes() > capacity.limitBytes()) {
            throw new VolumeException(
                    Reason.OUT_OF_RANGE,
                    "volume %s has %d bytes already, over the limit of %d; volumes never shrink"
                            .formatted(volume.id(), volume.capacityBytes(), capacity.limitBytes()));
        }
    }

    public Attachment attach(VolumeId id, NodeId to, AccessMode mode, boolean readOnly)
            throws IOException {
        return pools.holding(id).attach(id, to, mode, readOnly);
    }

    public void detach(VolumeId id, NodeId from) throws IOException {
        pools.holding(id).detach(id, from);
    }

    public void detachAll(VolumeId id) throws IOException {
        for (var holder : publishedNodes(id)) {
            detach(id, holder);
        }
    }

    public List<NodeId> publishedNodes(VolumeId id) throws IOException {
        return pools.holding(id).publishedNodes(id);
    }

    public Topology topology(VolumeId id) {
        return pools.owning(id).topology(node);
    }

    /// Does work on a volume that is reached from here. Where that fails because the volume's pool
    /// can't be used, or not be written to, it is UNAVAILABLE with what the pool has.
    public <T> T reaching(VolumeId id, IoSupplier<T> work) throws IOException {
        try {
            return work.get();
        } catch (IOException e) {
            throw pools.judged(id, e);
        }
    }

    /// What this node reaches: the shared pools that it has, and itself if a pool is its own.
    /// Nothing more: nodes with the same shared pools are one place to Kubernetes, with one
    /// published capacity for each StorageClass. A node without any pool tells itself, for one that
    /// tells nothing would be taken for a node that reaches everything.
    public Topology topologyOfNode() {
        var topology =
                pools.usable().stream()
                        .map(usable -> usable.backend().topology(node))
                        .reduce(Topology::and)
                        .orElseGet(() -> Topology.node(node));
        told = Optional.of(topology);
        return topology;
    }

    /// Whether this node reaches a pool that it did not tell when it was asked last, such as one
    /// whose disk was mounted since. Says so once.
    public boolean reachesMoreThanTold() {
        var before = told;
        var more =
                before.isPresent()
                        && pools.all().stream()
                                .flatMap(pool -> pool.ifOpenNow().stream())
                                .anyMatch(open -> !open.topology(node).within(before.get()));
        if (more) {
            told = Optional.empty();
        }
        return more;
    }

    /// Volumes of all usable pools in order of their ids. No record is read for two pages; so the
    /// last page may be empty, where what is left turns out to be damaged.
    public Page list(Optional<VolumeId> after, int limit) throws IOException {
        var found = new ArrayList<ListedVolume>();
        for (var usable : pools.usable()) {
            if (after.isEmpty() || usable.mayFollow(after.get())) {
                var within = after.filter(usable::owns);
                var left = limit - found.size();
                usable.ask(LIST, () -> usable.backend().list(within, left))
                        .ifPresent(found::addAll);
                if (found.size() == limit && hasMore(usable, found.getLast().volume().id())) {
                    return new Page(found, Optional.of(found.getLast().volume().id()));
                }
            }
        }
        return new Page(found, Optional.empty());
    }

    private static boolean hasMore(Pools.Usable usable, VolumeId last) throws IOException {
        return usable.ask(LIST, () -> usable.backend().hasMore(last)).orElse(false);
    }

    /// How much can still be reserved; nothing where the volumes asked for can't be, nor in a pool
    /// that is absent, sick or read-only: whoever chooses a pool by this must not choose it.
    public Capacity capacity(CapacityQuery query) throws IOException {
        var pool = pools.named(query.pool());
        return Pools.unlessSick(() -> pool.ask("its capacity", () -> capacity(pool, query)))
                .orElse(Capacity.NONE);
    }

    private Capacity capacity(Pool pool, CapacityQuery query) throws IOException {
        if (!pool.takesChanges()) {
            return Capacity.NONE;
        }
        var backend = pool.backend();
        return servedBy(backend, query)
                ? backend.capacity(query.provisioning().orElse(pool.defaults().provisioning()))
                        .atMost(specOf(query).largestBytes())
                : Capacity.NONE;
    }

    /// The smallest volume that such a request can have.
    public long smallestBytes(CapacityQuery query) {
        return specOf(query).sizeBytes();
    }

    private VolumeSpec specOf(CapacityQuery query) {
        var mounted =
                query.capabilities().stream().anyMatch(c -> c.type() instanceof AccessType.Mount);
        return new VolumeRequest(
                        "",
                        query.pool(),
                        CapacityRange.atLeast(1),
                        query.capabilities(),
                        mounted ? query.mkfsOptions() : List.of(),
                        query.provisioning(),
                        List.of(),
                        new Content.Blank(),
                        LimitSettings.NONE)
                .resolve(pools.named(query.pool()).defaults());
    }

    private boolean servedBy(Backend backend, CapacityQuery query) {
        var anywhere = query.place().segments().isEmpty();
        return (anywhere || backend.topology(node).within(query.place()))
                && query.capabilities().stream()
                        .allMatch(c -> backend.accessModes().contains(c.mode()));
    }

    /// Which of the capabilities the volume can't serve, and why; empty if it serves all.
    public Optional<String> unsupported(VolumeId id, List<Capability> capabilities)
            throws IOException {
        var volume = require(id);
        var backend = pools.holding(id);
        for (var capability : capabilities) {
            if (!backend.accessModes().contains(capability.mode())) {
                return Optional.of(modeMessage(backend, capability.mode()));
            }
            var conflict = conflict(volume, capability);
            if (conflict.isPresent()) {
                return conflict;
            }
        }
        return Optional.empty();
    }

    /// @throws VolumeException INVALID if the volume can't serve all of them
    public void requireSupported(VolumeId id, List<Capability> capabilities) throws IOException {
        unsupported(id, capabilities)
                .ifPresent(
                        why -> {
                            throw new VolumeException(Reason.INVALID, why);
                        });
    }

    /// Whether some pool can make a volume that begins with another's content.
    public boolean canClone() {
        return pools.give(Cloning.class);
    }

    private static Optional<String> conflict(Volume volume, Capability capability) {
        if (!(capability.type() instanceof AccessType.Mount mount)) {
            return Optional.empty();
        }
        if (volume.fileSystem().isEmpty()) {
            return Optional.of(
                    "volume %s is raw block and has no file system to mount"
                            .formatted(volume.id()));
        }
        var own = volume.fileSystem().get();
        if (mount.fileSystem().filter(asked -> asked != own).isPresent()) {
            return Optional.of(
                    "volume %s is made for %s, not for %s"
                            .formatted(volume.id(), own, mount.fileSystem().get()));
        }
        try {
            MountOptions.parse(own, mount.flags());
            return Optional.empty();
        } catch (VolumeException e) {
            return Optional.of(e.getMessage());
        }
    }

    private static void requireModes(Backend backend, List<Capability> capabilities) {
        for (var capability : capabilities) {
            if (!backend.accessModes().contains(capability.mode())) {
                throw new VolumeException(Reason.INVALID, modeMessage(backend, capability.mode()));
            }
        }
    }

    private static String modeMessage(Backend backend, AccessMode mode) {
        return "pool %s can't serve access mode %s: use one of %s"
                .formatted(
                        backend.pool().name(),
                        mode,
                        backend.accessModes().stream().sorted().toList());
    }

    private static void requireReach(Pool pool, Topology topology, List<Topology> requisite) {
        if (!requisite.isEmpty() && requisite.stream().noneMatch(topology::within)) {
            throw new VolumeException(
                    Reason.NO_SPACE,
                    "pool %s is reached only at %s, which is none of the places asked for"
                            .formatted(pool.name(), topology.segments()));
        }
    }

    private static void requireSame(Volume volume, VolumeSpec spec) {
        volume.differenceFrom(spec)
                .ifPresent(
                        difference -> {
                            throw new VolumeException(
                                    Reason.ALREADY_EXISTS,
                                    "a volume named '%s' exists (%s) and is not what is asked for: %s"
                                            .formatted(spec.name(), volume.id(), difference));
                        });
    }
}
