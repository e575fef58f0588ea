package dev.stowage.spi;

import dev.stowage.volume.AccessMode;
import dev.stowage.volume.BlockList;
import dev.stowage.volume.ByteRange;
import dev.stowage.volume.Capacity;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.GroupId;
import dev.stowage.volume.GroupSnapshot;
import dev.stowage.volume.LimitKey;
import dev.stowage.volume.ListedVolume;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import dev.stowage.volume.VolumeSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;

/// A backend that forgets: the SPI's promises and nothing else, for tests of what lies above it.
public final class MemoryBackend
        implements Backend,
                GroupSnapshots,
                ChangedBlocks,
                Cloning,
                FormatLedger,
                KnownNodes,
                Modifiable {
    private static final Set<AccessMode> MODES =
            Set.of(
                    AccessMode.SINGLE_NODE_WRITER,
                    AccessMode.SINGLE_NODE_READER_ONLY,
                    AccessMode.SINGLE_NODE_SINGLE_WRITER,
                    AccessMode.SINGLE_NODE_MULTI_WRITER,
                    AccessMode.MULTI_NODE_READER_ONLY);

    private final PoolId pool;
    private final boolean shared;
    private final long totalBytes;
    private final TreeMap<VolumeId, Kept> volumes = new TreeMap<>();
    private final TreeMap<SnapshotId, KeptSnapshot> snapshots = new TreeMap<>();
    private final Map<GroupId, GroupSnapshot> groups = new HashMap<>();
    private final Map<NodeId, Integer> nodes = new HashMap<>();
    private final List<VolumeId> listed = new ArrayList<>();
    private Optional<String> sickness = Optional.empty();

    private record Use(AccessMode mode, boolean readOnly) {
        boolean sameAs(Use other) {
            return mode.sameAs(other.mode) && readOnly == other.readOnly;
        }

        boolean goesWith(Use other) {
            return mode == AccessMode.MULTI_NODE_READER_ONLY && mode == other.mode;
        }
    }

    private static final class Kept {
        private final TreeMap<String, Use> holders = new TreeMap<>();
        private Volume volume;
        private FormatState format = new FormatState.Blank();

        Kept(Volume volume) {
            this.volume = volume;
        }

        List<NodeId> nodes() {
            return holders.keySet().stream().map(NodeId::new).toList();
        }
    }

    private static final class KeptSnapshot {
        private final Snapshot snapshot;
        private final FormatState format;
        private int readers;

        KeptSnapshot(Snapshot snapshot, FormatState format) {
            this.snapshot = snapshot;
            this.format = format;
        }
    }

    public MemoryBackend(PoolId pool, boolean shared, long totalBytes) {
        this.pool = pool;
        this.shared = shared;
        this.totalBytes = totalBytes;
    }

    /// The volumes in all answers of [#list] so far.
    public synchronized List<VolumeId> listed() {
        return List.copyOf(listed);
    }

    /// Makes the pool sick from here on, or well again.
    public synchronized void declareSick(Optional<String> reason) {
        sickness = reason;
    }

    @Override
    public PoolId pool() {
        return pool;
    }

    @Override
    public boolean shared() {
        return shared;
    }

    @Override
    public Set<AccessMode> accessModes() {
        return MODES;
    }

    @Override
    public synchronized Optional<String> sickness() {
        return sickness;
    }

    @Override
    public synchronized Volume create(VolumeId id, VolumeSpec spec) {
        requireHealthy();
        var kept = volumes.get(id);
        if (kept != null) {
            return kept.volume;
        }
        requireRoom(spec.sizeBytes());
        var made = new Kept(Volume.granted(id, spec, Instant.now()));
        volumes.put(id, made);
        return made.volume;
    }

    private void requireRoom(long bytes) {
        if (bytes > available()) {
            throw new VolumeException(
                    Reason.NO_SPACE,
                    "%d bytes are available, not %d".formatted(available(), bytes));
        }
    }

    private long available() {
        return totalBytes
                - volumes.values().stream().mapToLong(kept -> kept.volume.capacityBytes()).sum()
                - snapshots.values().stream().mapToLong(kept -> kept.snapshot.sizeBytes()).sum();
    }

    @Override
    public synchronized Volume createFrom(VolumeId id, VolumeSpec spec, CopySource copySource)
            throws IOException {
        var before = volumes.get(id);
        var made = create(id, spec);
        if (before == null) {
            require(id).format = copySource.format().ofCopy();
        }
        return made;
    }

    @Override
    public synchronized CopySource openVolume(VolumeId id) {
        var kept = require(id);
        return new MemoryOrigin(
                kept.volume.capacityBytes(),
                kept.volume.blockSizeBytes(),
                kept.volume.fileSystem(),
                kept.format,
                () -> {});
    }

    @Override
    public synchronized Snapshot createSnapshot(
            SnapshotId id, String name, VolumeId source, Optional<FreezePermit> freeze) {
        requireHealthy();
        var present = snapshots.get(id);
        if (present != null) {
            return present.snapshot;
        }
        var kept = require(source);
        requireRoom(kept.volume.capacityBytes());
        return keep(id, name, kept, Optional.empty());
    }

    private Snapshot keep(SnapshotId id, String name, Kept kept, Optional<GroupId> group) {
        var made =
                new Snapshot(
                        id,
                        name,
                        kept.volume.id(),
                        kept.volume.capacityBytes(),
                        kept.volume.requestedBytes(),
                        kept.volume.fileSystem(),
                        kept.volume.provisioning(),
                        kept.volume.blockSizeBytes(),
                        Instant.now(),
                        group,
                        true);
        snapshots.put(id, new KeptSnapshot(made, kept.format));
        return made;
    }

    @Override
    public synchronized void deleteSnapshot(SnapshotId id) {
        requireHealthy();
        var kept = snapshots.get(id);
        if (kept == null) {
            return;
        }
        kept.snapshot
                .group()
                .ifPresent(
                        group -> {
                            throw Snapshots.isMember(id, group);
                        });
        requireUnread(kept);
        snapshots.remove(id);
    }

    private static void requireUnread(KeptSnapshot kept) {
        if (kept.readers > 0) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "a volume is being made from " + kept.snapshot.id());
        }
    }

    @Override
    public synchronized GroupSnapshot createGroup(
            GroupId id, String name, List<VolumeId> sources, Freezer freezer) {
        requireHealthy();
        var present = groups.get(id);
        if (present != null) {
            return present;
        }
        var volumesOfGroup = sources.stream().sorted().map(this::require).toList();
        requireRoom(volumesOfGroup.stream().mapToLong(kept -> kept.volume.capacityBytes()).sum());
        for (var kept : volumesOfGroup) {
            if (!kept.holders.isEmpty()) {
                throw heldBy(kept.nodes());
            }
        }
        var members = new ArrayList<Snapshot>();
        for (var kept : volumesOfGroup) {
            var member = GroupSnapshots.memberName(name, kept.volume.id());
            members.add(keep(SnapshotId.of(pool, member), member, kept, Optional.of(id)));
        }
        var made = new GroupSnapshot(id, name, members, members.getFirst().created());
        groups.put(id, made);
        return made;
    }

    @Override
    public synchronized void deleteGroup(GroupId id) {
        requireHealthy();
        var group = groups.get(id);
        if (group != null) {
            group.memberIds()
                    .forEach(
                            member -> requireUnread(Objects.requireNonNull(snapshots.get(member))));
            group.memberIds().forEach(snapshots::remove);
            groups.remove(id);
        }
    }

    @Override
    public synchronized Optional<GroupSnapshot> findGroup(GroupId id) {
        return Optional.ofNullable(groups.get(id));
    }

    @Override
    public synchronized Optional<Snapshot> findSnapshot(SnapshotId id) {
        return Optional.ofNullable(snapshots.get(id)).map(kept -> kept.snapshot);
    }

    @Override
    public synchronized List<Snapshot> listSnapshots(
            Optional<VolumeId> source, Optional<SnapshotId> after, int limit) {
        var following = after.map(id -> snapshots.tailMap(id, false)).orElse(snapshots);
        return following.values().stream()
                .map(kept -> kept.snapshot)
                .filter(s -> source.isEmpty() || source.get().equals(s.source()))
                .limit(limit)
                .toList();
    }

    @Override
    public synchronized CopySource openSnapshot(SnapshotId id) {
        var kept = snapshots.get(id);
        if (kept == null) {
            throw Snapshots.noSuchSnapshot(id.toString());
        }
        kept.readers++;
        return new MemoryOrigin(
                kept.snapshot.sizeBytes(),
                kept.snapshot.blockSizeBytes(),
                kept.snapshot.fileSystem(),
                kept.format,
                () -> {
                    synchronized (this) {
                        kept.readers--;
                    }
                });
    }

    @Override
    public BlockList allocated(Snapshot snapshot, long from) {
        return nothing(snapshot);
    }

    @Override
    public BlockList changed(Snapshot base, Snapshot target, long from, BooleanSupplier stop) {
        var _ = nothing(base);
        return nothing(target);
    }

    /// Nobody can write to these volumes.
    private synchronized BlockList nothing(Snapshot snapshot) {
        if (!snapshots.containsKey(snapshot.id())) {
            throw Snapshots.noSuchSnapshot(snapshot.id().toString());
        }
        return new BlockList() {
            @Override
            public Optional<ByteRange> next() {
                return Optional.empty();
            }

            @Override
            public void close() {}
        };
    }

    private record MemoryOrigin(
            long sizeBytes,
            int blockSizeBytes,
            Optional<FileSystemType> fileSystem,
            FormatState format,
            Runnable closed)
            implements CopySource {
        @Override
        public Optional<Path> image() {
            return Optional.empty();
        }

        @Override
        public boolean holesTold() {
            return false;
        }

        @Override
        public void flush() {}

        @Override
        public void requireQuiesced() {}

        @Override
        public void close() {
            closed.run();
        }
    }

    @Override
    public synchronized void delete(VolumeId id) {
        requireHealthy();
        var kept = volumes.get(id);
        if (kept != null && !kept.holders.isEmpty()) {
            throw heldBy(kept.nodes());
        }
        volumes.remove(id);
    }

    private static VolumeException heldBy(List<NodeId> nodes) {
        return new VolumeException(Reason.FAILED_PRECONDITION, "it is held by " + nodes);
    }

    @Override
    public synchronized Optional<Volume> find(VolumeId id) {
        return Optional.ofNullable(volumes.get(id)).map(kept -> kept.volume);
    }

    @Override
    public synchronized List<ListedVolume> list(Optional<VolumeId> after, int limit) {
        var following = after.map(id -> volumes.tailMap(id, false)).orElse(volumes);
        return following.values().stream()
                .limit(limit)
                .peek(kept -> listed.add(kept.volume.id()))
                .map(kept -> new ListedVolume(kept.volume, kept.nodes()))
                .toList();
    }

    @Override
    public synchronized boolean hasMore(VolumeId after) {
        return volumes.higherKey(after) != null;
    }

    @Override
    public synchronized Volume expand(VolumeId id, CapacityRange range) {
        requireHealthy();
        var kept = require(id);
        if (kept.volume.capacityBytes() < range.requiredBytes()) {
            var bytes = range.choose(kept.volume.capacityBytes());
            requireRoom(bytes - kept.volume.capacityBytes());
            kept.volume = kept.volume.withCapacity(bytes, range.requiredBytes());
        }
        return kept.volume;
    }

    @Override
    public synchronized Volume modify(VolumeId id, Map<LimitKey, Long> mutable) {
        requireHealthy();
        var kept = require(id);
        kept.volume = kept.volume.withLimits(kept.volume.limits().withMutable(mutable));
        return kept.volume;
    }

    private Kept require(VolumeId id) {
        var kept = volumes.get(id);
        if (kept == null) {
            throw Backend.noSuchVolume(id.toString());
        }
        return kept;
    }

    @Override
    public synchronized Attachment attach(
            VolumeId id, NodeId node, AccessMode mode, boolean readOnly) {
        requireHealthy();
        var kept = require(id);
        var limit = nodes.get(node);
        if (limit == null) {
            throw new VolumeException(Reason.NOT_FOUND, "node '%s' is not known".formatted(node));
        }
        if (!MODES.contains(mode)) {
            throw new VolumeException(Reason.INVALID, "mode %s is not served".formatted(mode));
        }
        if (!kept.holders.containsKey(node.value()) && heldBy(node) >= limit) {
            throw new VolumeException(Reason.NO_SPACE, "node %s takes no more".formatted(node));
        }
        hold(kept, node, new Use(mode, readOnly));
        return new Attachment.LoopFile(id, readOnly || mode.readOnly());
    }

    private long heldBy(NodeId node) {
        return volumes.values().stream()
                .filter(kept -> kept.holders.containsKey(node.value()))
                .count();
    }

    private static void hold(Kept kept, NodeId node, Use use) {
        var own = kept.holders.get(node.value());
        if (own != null && !own.sameAs(use)) {
            throw new VolumeException(
                    Reason.ALREADY_EXISTS, "node %s holds it as %s".formatted(node, own));
        }
        var others =
                kept.nodes().stream()
                        .filter(other -> !other.equals(node))
                        .filter(
                                other ->
                                        !Objects.requireNonNull(kept.holders.get(other.value()))
                                                .goesWith(use))
                        .toList();
        if (!others.isEmpty()) {
            throw heldBy(others);
        }
        kept.holders.putIfAbsent(node.value(), use);
    }

    @Override
    public synchronized void detach(VolumeId id, NodeId node) {
        requireHealthy();
        var kept = volumes.get(id);
        if (kept != null) {
            kept.holders.remove(node.value());
        }
    }

    @Override
    public synchronized List<NodeId> publishedNodes(VolumeId id) {
        var kept = volumes.get(id);
        return kept == null ? List.of() : kept.nodes();
    }

    @Override
    public synchronized Capacity capacity(Provisioning provisioning) {
        return new Capacity(totalBytes, available(), available() >> 20 << 20);
    }

    @Override
    public synchronized FormatState formatState(VolumeId id) {
        return require(id).format;
    }

    @Override
    public synchronized void recordFormat(VolumeId id, FormatState state) {
        requireHealthy();
        require(id).format = state;
    }

    @Override
    public synchronized void announce(NodeId node, int maxVolumes) {
        requireHealthy();
        nodes.put(node, maxVolumes);
    }

    private void requireHealthy() {
        sickness.ifPresent(
                reason -> {
                    throw new VolumeException(Reason.UNAVAILABLE, reason);
                });
    }

    @Override
    public void close() {}
}
