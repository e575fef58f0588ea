package dev.stowage.node.device;

import dev.stowage.volume.PoolId;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/// Makes a block device of this machine out of one kind of attachment. Nothing is remembered: the
/// kernel knows the devices, also those of a driver that was killed.
public interface Connector {
    /// Connects the volume, or finds the device that is connected already.
    ///
    /// @param blockSizeBytes the device's logical block size, where it must be made
    /// @param readOnly the device itself refuses writes
    Connection connect(VolumeId id, int blockSizeBytes, boolean readOnly) throws IOException;

    /// The devices of one volume on this node, at most one for writing and one read-only unless
    /// two drivers raced. Needs neither the volume nor its pool.
    ///
    /// @throws VolumeException FAILED_PRECONDITION if it can't be seen which they are: a device
    ///     that may be the volume's can't be read, because the disk of its image died
    default List<BlockDevice> devices(VolumeId id) throws IOException {
        return find(id).require(id);
    }

    /// As [#devices(VolumeId)], with those of which it can't be seen. For whoever takes down what
    /// mountinfo shows, or reports what is wrong; what is not found here may be in use
    /// all the same.
    VolumeDevices find(VolumeId id) throws IOException;

    /// The pool's volumes that have devices on this node, and these, as far as they can be read.
    Map<VolumeId, List<BlockDevice>> volumes(PoolId pool) throws IOException;

    /// @param madeNow nobody had connected it before, so whoever fails after this releases it
    record Connection(BlockDevice device, boolean madeNow, Backing backing) {}
}
