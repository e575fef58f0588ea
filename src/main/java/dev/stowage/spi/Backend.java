package dev.stowage.spi;

import dev.stowage.volume.AccessMode;
import dev.stowage.volume.Capacity;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.ListedVolume;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Topology;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import dev.stowage.volume.VolumeSpec;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// One open pool: makes volumes, finds them, hands them to nodes and deletes them.
///
/// Every method blocks until its work is durable, may be called from several threads at once
/// (though never for the same volume twice at a time by one driver), is idempotent (a retry after
/// success, failure or a kill at any instruction gives the same result as one call), and leaves
/// nothing half-made behind that the next start does not clear. A refusal is a [VolumeException]
/// and means that nothing changed; an [IOException] says what the machine did.
///
/// What only some backends can do is an interface of its own that they also implement:
/// [FormatLedger], [ImageFiles], [KnownNodes], [Diagnosable],
/// [Modifiable].
public interface Backend extends AutoCloseable {
    PoolId pool();

    /// Whether nodes other than this one reach the pool's volumes.
    boolean shared();

    /// Where the pool's volumes can be reached, seen from `node`.
    default Topology topology(NodeId node) {
        return shared() ? Topology.sharedPool(pool()) : Topology.node(node);
    }

    /// The access modes in which this backend's volumes can be used safely.
    Set<AccessMode> accessModes();

    /// Why the pool must not be used at present (say, an fsync that failed), in words for an
    /// administrator. While it is present, methods that change anything throw UNAVAILABLE with it.
    Optional<String> sickness();

    /// Makes a blank volume of `spec.sizeBytes()` bytes that read as zeros. If `id` exists already,
    /// returns that volume unchanged, whatever it looks like: the caller compares.
    ///
    /// @throws VolumeException NO_SPACE if the pool has less than that unreserved; nothing is left
    ///     allocated
    Volume create(VolumeId id, VolumeSpec spec) throws IOException;

    /// Deletes the volume for good; its id is free when this returns, its bytes may still be on
    /// their way out and count against the capacity until they are gone. No such volume: nothing
    /// happens.
    ///
    /// @throws VolumeException FAILED_PRECONDITION if a node holds it or it is in use on this
    ///     machine, naming by whom
    void delete(VolumeId id) throws IOException;

    /// @throws VolumeException DAMAGED if it is there but its record can't be understood
    Optional<Volume> find(VolumeId id) throws IOException;

    /// Volumes in order of their ids, from the first one after `after`, at most `limit`. Stable
    /// while volumes come and go: one that exists throughout is listed exactly once. Volumes with a
    /// damaged record are left out, and logged.
    List<ListedVolume> list(Optional<VolumeId> after, int limit) throws IOException;

    /// Whether there are volumes after this one, which need not exist. Reads none of them: they may
    /// turn out to be damaged, or be gone by the time they are listed.
    boolean hasMore(VolumeId after) throws IOException;

    /// Grows the volume to a size within `range`; one that has what is required already is returned
    /// unchanged, never shrunk. What the node sees of it is the node's work.
    ///
    /// @throws VolumeException NOT_FOUND; NO_SPACE if the pool has less than that unreserved;
    ///     OUT_OF_RANGE if there is no such size, or an unfinished earlier growth is over the limit
    Volume expand(VolumeId id, CapacityRange range) throws IOException;

    /// Records that `node` holds the volume. Exclusive: of two that ask at the same instant, even
    /// through two drivers, exactly one gets it, unless both only read in MULTI_NODE_READER_ONLY.
    /// Asked again for the same node and the same use: the same attachment.
    ///
    /// @throws VolumeException NOT_FOUND for an unknown volume or node; FAILED_PRECONDITION naming
    ///     the other holder; ALREADY_EXISTS if this node holds it for another use; INVALID for a
    ///     mode not in [#accessModes()]; NO_SPACE if the node takes no more ([KnownNodes])
    Attachment attach(VolumeId id, NodeId node, AccessMode mode, boolean readOnly)
            throws IOException;

    /// Records that `node` no longer holds the volume. No such volume, node or hold: nothing
    /// happens.
    void detach(VolumeId id, NodeId node) throws IOException;

    /// The nodes that hold the volume, in order of their ids; empty also for an unknown volume.
    List<NodeId> publishedNodes(VolumeId id) throws IOException;

    Capacity capacity(Provisioning provisioning) throws IOException;

    /// Ends what runs in the background and gives up the pool. Volumes are not affected.
    @Override
    void close();

    static VolumeException noSuchVolume(String id) {
        return new VolumeException(Reason.NOT_FOUND, "there is no volume '%s'".formatted(id));
    }
}
