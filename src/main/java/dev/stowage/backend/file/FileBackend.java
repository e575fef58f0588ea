package dev.stowage.backend.file;

import dev.stowage.linux.ErrnoException;
import dev.stowage.spi.Attachment;
import dev.stowage.spi.Backend;
import dev.stowage.spi.ChangedBlocks;
import dev.stowage.spi.Cloning;
import dev.stowage.spi.CopySource;
import dev.stowage.spi.Diagnosable;
import dev.stowage.spi.FormatLedger;
import dev.stowage.spi.FreezePermit;
import dev.stowage.spi.Freezer;
import dev.stowage.spi.GroupSnapshots;
import dev.stowage.spi.ImageFiles;
import dev.stowage.spi.KnownNodes;
import dev.stowage.spi.Modifiable;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.BlockList;
import dev.stowage.volume.Capacity;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.Condition;
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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;

/// An open file pool.
public final class FileBackend
        implements Backend,
                GroupSnapshots,
                ChangedBlocks,
                Cloning,
                FormatLedger,
                ImageFiles,
                KnownNodes,
                Diagnosable,
                Modifiable {
    private final OpenPool open;
    private final PoolFolder pool;
    private final VolumeStore store;
    private final Readers readers = new Readers();
    private final CapacityCheck check;
    private final LargestFile largest;
    private final VolumeCreation creation;
    private final FileSnapshots snapshots;
    private final FileGroups groups;
    private final VolumeGrowth growth;
    private final Trash disposal;
    private final Attachments attachments;
    private final NodeRecords nodes;
    private final PreparedAttachments prepared;
    private final Examination examination;
    private final VolumeList list;

    FileBackend(OpenPool open) {
        this.open = open;
        pool = open.folder();
        store = new VolumeStore(pool, open.durable());
        check = new CapacityCheck(open.reservations(), open.rescan());
        largest = new LargestFile(pool);
        creation = new VolumeCreation(open, store, check, largest);
        growth = new VolumeGrowth(store, open.durable());
        disposal = new Trash(open);
        nodes = new NodeRecords(pool, open.durable());
        prepared = new PreparedAttachments(pool, open.durable());
        attachments = new Attachments(open, store, nodes, readers, prepared);
        list = new VolumeList(open, store);
        snapshots = new FileSnapshots(open, store, disposal, readers, check);
        examination = new Examination(open, store);
        groups = new FileGroups(open, store, snapshots, disposal, check);
    }

    /// Clears away and goes on with what earlier drivers left. What can't be done now is done by
    /// the next start.
    void takeUpLeftovers() throws IOException {
        if (!open.readOnly()) {
            disposal.eraseLeftovers();
            groups.clearLeftovers();
            snapshots.resumeAll();
        }
    }

    @Override
    public PoolId pool() {
        return open.identity();
    }

    @Override
    public boolean shared() {
        return open.shared();
    }

    @Override
    public Set<AccessMode> accessModes() {
        return Attachments.MODES;
    }

    @Override
    public Optional<String> sickness() {
        return open.sickness().reason();
    }

    @Override
    public boolean blankProvable() {
        return open.probe().seekDataTrusted();
    }

    @Override
    public Volume create(VolumeId id, VolumeSpec spec) throws IOException {
        open.sickness().refuseIfSick();
        return creation.create(id, spec, Filling.blank());
    }

    @Override
    public Volume createFrom(VolumeId id, VolumeSpec spec, CopySource copySource)
            throws IOException {
        open.requireBuilding();
        FileSystemReach.require(copySource, spec.capacity());
        var reflinks = open.probe().reflinks();
        return creation.create(id, spec, new CopyFilling(copySource, reflinks, snapshots::closing));
    }

    @Override
    public CopySource openVolume(VolumeId id) throws IOException {
        return snapshots.openVolume(id);
    }

    @Override
    public Snapshot createSnapshot(
            SnapshotId id, String name, VolumeId source, Optional<FreezePermit> freeze)
            throws IOException {
        open.sickness().refuseIfSick();
        return snapshots.create(id, name, source, freeze);
    }

    @Override
    public void deleteSnapshot(SnapshotId id) throws IOException {
        open.sickness().refuseIfSick();
        snapshots.delete(id);
    }

    @Override
    public Optional<Snapshot> findSnapshot(SnapshotId id) throws IOException {
        return snapshots.find(id);
    }

    @Override
    public List<Snapshot> listSnapshots(
            Optional<VolumeId> source, Optional<SnapshotId> after, int limit) throws IOException {
        return snapshots.store().list(source, after, limit);
    }

    @Override
    public CopySource openSnapshot(SnapshotId id) throws IOException {
        return snapshots.openSnapshot(id);
    }

    @Override
    public GroupSnapshot createGroup(
            GroupId id, String name, List<VolumeId> sources, Freezer freezer) throws IOException {
        open.sickness().refuseIfSick();
        return groups.create(id, name, sources, freezer);
    }

    @Override
    public void deleteGroup(GroupId id) throws IOException {
        requireHealthy();
        snapshots.deleteGroup(id);
    }

    @Override
    public Optional<GroupSnapshot> findGroup(GroupId id) throws IOException {
        return groups.find(id);
    }

    @Override
    public BlockList allocated(Snapshot snapshot, long from) throws IOException {
        return blocks().allocated(snapshot, from);
    }

    @Override
    public BlockList changed(Snapshot base, Snapshot target, long from, BooleanSupplier stop)
            throws IOException {
        return blocks().changed(base, target, from, stop);
    }

    private FileChangedBlocks blocks() {
        return new FileChangedBlocks(pool, open.probe());
    }

    @Override
    public void delete(VolumeId id) throws IOException {
        open.sickness().refuseIfSick();
        if (find(id).isEmpty()) {
            open.syncNames(open.folders().volumes());
            return;
        }
        open.requireWritable();
        if (readers.read(id)) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "volume %s is being copied: delete it when that is done".formatted(id));
        }
        disposal.put(id, open.nonces().of(id));
    }

    @Override
    public Optional<Volume> find(VolumeId id) throws IOException {
        var found = store.find(id);
        if (found.isEmpty()) {
            Examination.requireStillThere(open); // or nothing is known of any volume
        }
        return found;
    }

    @Override
    public List<ListedVolume> list(Optional<VolumeId> after, int limit) throws IOException {
        return list.list(after, limit);
    }

    @Override
    public boolean hasMore(VolumeId after) throws IOException {
        return !list.ids(Optional.of(after)).isEmpty();
    }

    @Override
    public Volume expand(VolumeId id, CapacityRange range) throws IOException {
        requireHealthy();
        open.rescan().ifOthersChangedThePool();
        var volume = require(id);
        if (volume.capacityBytes() >= range.requiredBytes()) {
            return volume;
        }
        requireNotCopied(id);
        var before = open.reservations().reservedBytes(ReservationKey.of(id));
        var grown = false;
        try {
            // Asks for more than there is come first: another day the pool may have it.
            check.reserve(ReservationKey.of(id), range.requiredBytes(), volume.provisioning());
            var target = growth.target(volume, largest.within(range));
            check.reserve(ReservationKey.of(id), target, volume.provisioning());
            var larger =
                    growth.grow(
                            pool.volume(id), volume.withCapacity(target, range.requiredBytes()));
            grown = true;
            return larger;
        } catch (ErrnoException e) {
            throw CapacityCheck.explained(e, pool.root());
        } finally {
            if (!grown) {
                open.reservations().restore(ReservationKey.of(id), before, volume.provisioning());
            }
        }
    }

    @Override
    public Volume modify(VolumeId id, Map<LimitKey, Long> mutable) throws IOException {
        requireHealthy();
        try {
            return store.modify(id, mutable);
        } catch (ErrnoException e) {
            throw CapacityCheck.explained(e, pool.root());
        }
    }

    private Volume require(VolumeId id) throws IOException {
        return store.find(id).orElseThrow(() -> Backend.noSuchVolume(id.toString()));
    }

    @Override
    public Attachment attach(VolumeId id, NodeId node, AccessMode mode, boolean readOnly)
            throws IOException {
        open.sickness().refuseIfSick();
        return attachments.attach(id, node, mode, readOnly);
    }

    @Override
    public void requireNotCopied(VolumeId id) {
        attachments.requireNotCopied(id);
    }

    @Override
    public void detach(VolumeId id, NodeId node) throws IOException {
        open.sickness().refuseIfSick();
        attachments.detach(id, node);
    }

    @Override
    public List<NodeId> publishedNodes(VolumeId id) throws IOException {
        return attachments.publishedNodes(id);
    }

    @Override
    public Capacity capacity(Provisioning provisioning) throws IOException {
        open.rescan().ifOthersChangedThePool();
        return largest.within(open.reservations().capacity(provisioning));
    }

    @Override
    public FormatState formatState(VolumeId id) throws IOException {
        return store.formatState(id);
    }

    @Override
    public void recordFormat(VolumeId id, FormatState state) throws IOException {
        requireHealthy();
        try {
            store.recordFormat(id, state);
        } catch (ErrnoException e) {
            throw CapacityCheck.explained(e, pool.root());
        }
    }

    @Override
    public Path image(VolumeId id) throws IOException {
        return store.image(id);
    }

    @Override
    public void announce(NodeId node, int maxVolumes) throws IOException {
        requireHealthy();
        try {
            nodes.announce(node, maxVolumes);
            if (open.shared()) {
                prepared.prepare(node);
            }
        } catch (ErrnoException e) {
            throw CapacityCheck.explained(e, pool.root());
        }
    }

    @Override
    public List<Condition> conditions() throws IOException {
        return examination.conditions();
    }

    @Override
    public List<Condition> conditions(VolumeId id) throws IOException {
        return examination.conditions(id);
    }

    @Override
    public List<VolumeId> ids(Optional<VolumeId> after) throws IOException {
        return list.ids(after);
    }

    private void requireHealthy() {
        open.requireChangeable();
    }

    @Override
    public void close() {
        snapshots.close();
        open.close();
    }
}
