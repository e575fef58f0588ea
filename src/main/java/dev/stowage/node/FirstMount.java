package dev.stowage.node;

import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Mounts;
import dev.stowage.linux.Mounts.MountAttribute;
import dev.stowage.linux.OpenFlags;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.node.device.Connectors;
import dev.stowage.node.device.Whole;
import dev.stowage.node.filesystem.BtrfsIdentity;
import dev.stowage.node.filesystem.DeviceRelease;
import dev.stowage.node.filesystem.FormatOnce;
import dev.stowage.node.filesystem.MountRefusal;
import dev.stowage.spi.FormatLedger;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/// The first mount of a file system that came with a copy of another volume, which may have been in
/// use. Its journal says what was under way there, and has to be replayed once; a use that only
/// reads must not do that, nor could it on a read-only device, so it is done before it.
final class FirstMount {
    private final Connectors connectors;
    private final FormatOnce format;
    private final Function<VolumeId, FormatLedger> ledgers;

    FirstMount(Connectors connectors, FormatOnce format, Function<VolumeId, FormatLedger> ledgers) {
        this.connectors = connectors;
        this.format = format;
        this.ledgers = ledgers;
    }

    /// Whether the volume holds a copy that was not mounted yet.
    boolean due(VolumeId id) throws IOException {
        return ledgers.apply(id).formatState(id) instanceof FormatState.Copied;
    }

    /// Mounts the copy for writing where nobody can reach it, and lets it go again.
    void replay(StageRequest request, FileSystemType fileSystem) throws IOException {
        var volume = request.volume();
        var connection = connectors.connect(request.attachment(), volume.blockSizeBytes(), false);
        try {
            Whole.require(volume, connection.device());
            format.ensure(volume, fileSystem, connection);
            prepare(volume, fileSystem, connection.device());
            mountOnce(volume.id(), fileSystem, connection.device());
            connection.backing().sync();
            done(volume, fileSystem);
        } catch (IOException | RuntimeException e) {
            Undo.release(connection, e);
            throw e;
        }
        DeviceRelease.release(volume.id().toString(), connection.device());
    }

    private static void mountOnce(VolumeId id, FileSystemType fileSystem, BlockDevice device)
            throws IOException {
        var options = fileSystem == FileSystemType.XFS ? List.of("nouuid") : List.<String>of();
        var attributes = Set.of(MountAttribute.NOSUID, MountAttribute.NODEV);
        try (var _ =
                Mounts.detachedMount(
                        fileSystem.kernelName(), device.path().toString(), attributes, options)) {
            // its making has replayed the journal
        } catch (ErrnoException e) {
            throw MountRefusal.of(id, fileSystem, device, List.of(), e);
        }
        try (var written = Fd.open(device.path(), OpenFlags.O_RDONLY)) {
            written.fsync();
        }
    }

    /// What must be done before the copy is mounted for the first time. Nothing has it open.
    void prepare(Volume volume, FileSystemType fileSystem, BlockDevice device) throws IOException {
        if (fileSystem == FileSystemType.BTRFS && due(volume.id())) {
            BtrfsIdentity.renew(volume.id(), device);
        }
    }

    /// From here on it is a file system like any other.
    void done(Volume volume, FileSystemType fileSystem) throws IOException {
        ledgers.apply(volume.id()).recordFormat(volume.id(), new FormatState.Formatted(fileSystem));
    }
}
