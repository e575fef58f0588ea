package dev.stowage.node.filesystem;

import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import dev.stowage.linux.Processes;
import dev.stowage.node.device.Backing;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.node.device.Connector.Connection;
import dev.stowage.spi.FormatLedger;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.ArrayList;
import java.util.function.Function;

/// Sees to it that a volume holds the file system that is asked for. It is made once in the
/// volume's life: the ledger says whether that has happened, and a device that contradicts the
/// ledger is left as it is.
public final class FormatOnce {
    private final Function<VolumeId, FormatLedger> ledgers;
    private final Mkfs mkfs = new Mkfs();

    public FormatOnce(Function<VolumeId, FormatLedger> ledgers) {
        this.ledgers = ledgers;
    }

    /// Returns whether the file system was made just now.
    ///
    /// @throws VolumeException FAILED_PRECONDITION if the device holds something else; DAMAGED if
    ///     it holds nothing though it should; BUSY while another process has it open
    public boolean ensure(Volume volume, FileSystemType wanted, Connection connection)
            throws IOException {
        var ledger = ledgers.apply(volume.id());
        var device = connection.device();
        switch (ledger.formatState(volume.id())) {
            case FormatState.Blank _ -> {
                requireWritable(volume, device);
                var zeros = requireBlank(volume, connection) == Backing.Past.BLANK;
                format(volume, wanted, connection, ledger, zeros);
                return true;
            }
            case FormatState.Formatting _ -> {
                requireWritable(volume, device);
                requireAlone(volume, device);
                format(volume, wanted, connection, ledger, false);
                return true;
            }
            case FormatState.Formatted formatted -> {
                requireSame(volume, wanted, formatted.fileSystem());
                requireHolds(volume, wanted, device);
            }
            case FormatState.Adopted _, FormatState.Copied _ ->
                    requireHolds(volume, wanted, device);
        }
        return false;
    }

    /// @param zeros every byte of the device is known to read as zero
    private void format(
            Volume volume,
            FileSystemType wanted,
            Connection connection,
            FormatLedger ledger,
            boolean zeros)
            throws IOException {
        var device = connection.device().path();
        ledger.recordFormat(volume.id(), new FormatState.Formatting(wanted));
        mkfs.run(wanted, volume.mkfsOptions(), device, zeros);
        try (var fd = Fd.open(device, OpenFlags.O_RDONLY)) {
            fd.fsync();
        }
        connection.backing().sync();
        ledger.recordFormat(volume.id(), new FormatState.Formatted(wanted));
    }

    private static void requireWritable(Volume volume, BlockDevice device) {
        if (device.readOnly()) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "volume %s has no file system yet and is asked for read-only: stage it once for writing"
                            .formatted(volume.id()));
        }
    }

    /// The ledger says that nobody ever wrote to the volume; the device must not contradict it.
    private static Backing.Past requireBlank(Volume volume, Connection connection)
            throws IOException {
        try (var fd = Fd.open(connection.device().path(), OpenFlags.O_RDONLY)) {
            var found = Signatures.atStartOrEnd(fd);
            if (found.isPresent()) {
                throw notBlank(Reason.FAILED_PRECONDITION, volume, "holds " + found.get());
            }
            var copies = Signatures.copies(fd);
            if (copies.isPresent()) {
                throw notBlank(Reason.DAMAGED, volume, "holds " + copies.get());
            }
            // What is still in the page cache has no place in the image yet.
            fd.fsync();
        }
        var past = connection.backing().past();
        if (past == Backing.Past.WRITTEN) {
            throw notBlank(Reason.DAMAGED, volume, "has been written to");
        }
        return past;
    }

    private static VolumeException notBlank(Reason reason, Volume volume, String what) {
        return new VolumeException(
                reason,
                "volume %s was never formatted by this driver, but its device %s; it is left as it is: look at it by hand, save what is needed, and make a new volume"
                        .formatted(volume.id(), what));
    }

    /// The mkfs of a driver that was killed may outlive it for an instant. O_EXCL would not tell:
    /// mkfs.btrfs does not use it.
    private static void requireAlone(Volume volume, BlockDevice device) throws IOException {
        var others = new ArrayList<>(Processes.holding(device.path()));
        // another thread of this driver that looks through all loop devices
        others.remove(ProcessHandle.current().pid());
        if (!others.isEmpty()) {
            throw new VolumeException(
                    Reason.BUSY,
                    "volume %s is being formatted: process %s has %s open; retry when it has ended"
                            .formatted(volume.id(), others, device));
        }
    }

    private static void requireSame(Volume volume, FileSystemType wanted, FileSystemType has) {
        if (wanted != has) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "volume %s is formatted with %s, not with %s: ask for %s"
                            .formatted(volume.id(), has, wanted, has));
        }
    }

    /// A stale signature of something else may be beside it: which of two counts was decided when
    /// it was formatted or imported.
    private static void requireHolds(Volume volume, FileSystemType wanted, BlockDevice device)
            throws IOException {
        if (Signatures.hold(device, wanted)) {
            return;
        }
        var found = Signatures.atStart(device);
        if (found.isPresent()) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "volume %s is asked for as %s, but its device holds %s; it is left as it is: ask for what it holds"
                            .formatted(volume.id(), wanted, found.get()));
        }
        var copies = Signatures.copies(device);
        throw new VolumeException(
                Reason.DAMAGED,
                "volume %s should hold %s, but its device holds %s; it is not formatted again: repair it or restore it"
                        .formatted(
                                volume.id(),
                                wanted,
                                copies.map(Signature::name).orElse("no file system at all")));
    }
}
