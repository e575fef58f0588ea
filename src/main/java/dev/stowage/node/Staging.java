package dev.stowage.node;

import dev.stowage.linux.MountPoint;
import dev.stowage.linux.MountTable;
import dev.stowage.node.device.Connectors;
import dev.stowage.node.limit.Limiting;
import dev.stowage.spi.FormatLedger;
import dev.stowage.volume.AccessType;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/// Makes a volume ready on this node and takes it back. Everything is idempotent, and a driver
/// that was killed between any two steps finds in the kernel's tables how far it had come. Callers
/// see to it that one volume has one operation at a time in this process.
public final class Staging {
    private final Connectors connectors;
    private final FileSystemStaging fileSystems;
    private final BlockStaging blocks;
    private final Unstaging unstaging;
    private final Limiting limiting;

    /// @param ledgers the ledger of the pool that holds a volume
    public Staging(
            NodeId node,
            Connectors connectors,
            Function<VolumeId, FormatLedger> ledgers,
            Limiting limiting) {
        this.connectors = connectors;
        this.fileSystems = new FileSystemStaging(connectors, ledgers);
        this.blocks = new BlockStaging(connectors);
        this.unstaging = new Unstaging(node, connectors, limiting);
        this.limiting = limiting;
    }

    /// Connects the volume, formats it if it never was, lets its file system take the whole
    /// device, and mounts it at the staging path; a raw block device is bound to `device` below
    /// that path. Its limits on I/O are set, where this node can. The same request again changes
    /// nothing. After a failure nothing is left mounted or attached.
    ///
    /// @throws VolumeException ALREADY_EXISTS if the path is taken by another volume or use;
    ///     FAILED_PRECONDITION or DAMAGED if the device does not hold what is asked for, naming
    ///     what it holds; INVALID for mount options; BUSY while another process formats it
    public void stage(StageRequest request) throws IOException {
        var place = HostPath.require(request.stagingPath());
        var mounts = mounts(request.volume().id());
        switch (request.capability().type()) {
            case AccessType.Mount mount -> fileSystems.stage(request, mount, place, mounts);
            case AccessType.Block _ -> blocks.stage(request, place, mounts);
        }
        var _ = limiting.apply(request.volume());
    }

    /// Undoes [#stage] when nothing of the volume is published any more; neither volume nor pool
    /// need exist. Nothing staged: nothing happens. When this returns no mount, superblock or
    /// device of the volume is left, unless it is staged at another path too.
    ///
    /// @param volumeId any text; what is no id of ours has nothing staged
    /// @throws VolumeException FAILED_PRECONDITION if the volume is published, or something else
    ///     is mounted at the path
    /// @return where else on this node the volume is mounted as a staging is
    public List<String> unstage(String volumeId, Path stagingPath) throws IOException {
        return unstaging.unstage(volumeId, stagingPath).stream().map(MountPoint::path).toList();
    }

    /// As [#unstage], wherever the volume is staged.
    ///
    /// @return false if it is published, or not on this node: then nothing happens
    boolean giveBack(VolumeId id) throws IOException {
        return unstaging.giveBack(id);
    }

    /// Whether the volume is staged at the path, in whatever way.
    public boolean staged(VolumeId id, Path stagingPath) throws IOException {
        var place = HostPath.find(stagingPath);
        if (place.isEmpty()) {
            return false;
        }
        var mounts = mounts(id);
        for (var mount : mounts.at(place.get().path())) {
            if (mounts.isFileSystem(mount) && VolumeMounts.isStaging(mount)) {
                return true;
            }
        }
        for (var mount : mounts.at(StagingFolder.device(place.get()))) {
            if (mounts.isNode(mount)) {
                return true;
            }
        }
        return false;
    }

    private VolumeMounts mounts(VolumeId id) throws IOException {
        return new VolumeMounts(MountTable.read(), connectors.devices(id));
    }
}
