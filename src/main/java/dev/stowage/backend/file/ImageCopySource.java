package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_NOFOLLOW;
import static dev.stowage.linux.OpenFlags.O_RDONLY;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.LoopDevice;
import dev.stowage.linux.LoopDevices;
import dev.stowage.spi.CopySource;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.IoSupplier;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.PooledId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/// An image of this pool that is being read. The open descriptor keeps its bytes, whatever another
/// driver does to its name.
final class ImageCopySource implements CopySource {
    private final PooledId id;
    private final Facts facts;
    private final IoSupplier<FormatState> format;
    private final Optional<VolumeFolder> volume;
    private final Readers readers;
    private final Fd image;
    private boolean reading;

    private record Facts(
            long sizeBytes,
            int blockSizeBytes,
            Optional<FileSystemType> fileSystem,
            boolean holesTold) {}

    private ImageCopySource(
            PooledId id,
            Facts facts,
            IoSupplier<FormatState> format,
            Optional<VolumeFolder> volume,
            Readers readers,
            Fd image) {
        this.id = id;
        this.facts = facts;
        this.format = format;
        this.volume = volume;
        this.readers = readers;
        this.image = image;
    }

    /// A volume, which others may be using.
    static ImageCopySource of(
            Volume volume,
            VolumeFolder folder,
            IoSupplier<FormatState> format,
            boolean holesTold,
            Readers readers)
            throws IOException {
        var image = Fd.open(folder.image(), O_RDONLY | O_NOFOLLOW);
        try {
            var facts =
                    new Facts(
                            Math.max(volume.capacityBytes(), image.stat().size()),
                            volume.blockSizeBytes(),
                            volume.fileSystem(),
                            holesTold);
            return new ImageCopySource(
                    volume.id(), facts, format, Optional.of(folder), readers, image);
        } catch (IOException e) {
            image.close();
            throw e;
        }
    }

    /// A snapshot, which nobody writes to. The caller has said that it reads it; this says when it
    /// no longer does.
    static ImageCopySource of(
            Snapshot snapshot,
            Path image,
            IoSupplier<FormatState> format,
            boolean holesTold,
            Readers readers)
            throws IOException {
        var facts =
                new Facts(
                        snapshot.sizeBytes(),
                        snapshot.blockSizeBytes(),
                        snapshot.fileSystem(),
                        holesTold);
        var opened =
                new ImageCopySource(
                        snapshot.id(),
                        facts,
                        format,
                        Optional.empty(),
                        readers,
                        Fd.open(image, O_RDONLY | O_NOFOLLOW));
        opened.reading = true;
        return opened;
    }

    @Override
    public long sizeBytes() {
        return facts.sizeBytes();
    }

    @Override
    public int blockSizeBytes() {
        return facts.blockSizeBytes();
    }

    @Override
    public Optional<FileSystemType> fileSystem() {
        return facts.fileSystem();
    }

    @Override
    public FormatState format() throws IOException {
        return format.get();
    }

    @Override
    public Optional<Path> image() {
        return Optional.of(image.path());
    }

    @Override
    public boolean holesTold() {
        return facts.holesTold();
    }

    /// A driver that may not open devices (the controller of mode central) is to a use on its own
    /// machine what it is to one elsewhere: what was synced is in the image.
    @Override
    public void flush() throws IOException {
        try {
            for (var loop : loops()) {
                LoopDevices.flush(loop);
            }
        } catch (ErrnoException e) {
            if (!e.is(Errno.EPERM, Errno.EACCES)) {
                throw e;
            }
        }
        image.fsync();
    }

    @Override
    public synchronized void requireQuiesced() throws IOException {
        if (reading) {
            return;
        }
        keepOthersOut();
        try {
            requireUnused();
        } catch (IOException | RuntimeException e) {
            release();
            throw e;
        }
    }

    /// From now on nobody takes the volume into use, grows or deletes it, until this is closed. Who
    /// uses it already goes on.
    synchronized void keepOthersOut() {
        if (!reading) {
            readers.begin(id);
            reading = true;
        }
    }

    /// The device through which the volume is in use on this machine, where alone it can be frozen;
    /// empty if nobody uses it.
    ///
    /// @param what is being made, for messages
    /// @throws VolumeException FAILED_PRECONDITION if it is in use elsewhere, or this driver can't
    ///     see whether it is; BUSY while it is attached to this node but not staged
    Optional<LoopDevice> usedHere(NodeId own, String what) throws IOException {
        var holders = holders();
        for (var holder : holders) {
            if (!holder.equals(own)) {
                throw new VolumeException(
                        Reason.FAILED_PRECONDITION,
                        "volume %s is attached to node %s, and %s is made by the driver of node %s, which can't freeze it there: end the use (stop its pods), or let the controller run on that node"
                                .formatted(id, holder, what, own));
            }
        }
        var loops = loopsToFreeze(what);
        if (loops.isEmpty() && !holders.isEmpty()) {
            throw new VolumeException(
                    Reason.BUSY,
                    "volume %s is attached to this node but not staged, so that it may be used at any time: retry when its pod runs, or is gone"
                            .formatted(id));
        }
        return loops.stream().findFirst();
    }

    private List<LoopDevice> loopsToFreeze(String what) throws IOException {
        try {
            return loops();
        } catch (ErrnoException e) {
            if (e.is(Errno.EPERM, Errno.EACCES)) {
                throw new VolumeException(
                        Reason.FAILED_PRECONDITION,
                        "volume %s is in use on this machine, and the driver that makes %s may not open its devices (%s), so it can't freeze it: end the use (stop its pods), or give it that right (the chart's controller.freeze)"
                                .formatted(id, what, e.getMessage()),
                        e);
            }
            throw e;
        }
    }

    /// The nodes that hold it.
    List<NodeId> holders() throws IOException {
        return volume.isPresent() ? AttachmentRecords.nodes(volume.get()) : List.of();
    }

    private void requireUnused() throws IOException {
        var holders = holders();
        if (!holders.isEmpty()) {
            throw inUse("it is attached to node %s".formatted(holders.getFirst()));
        }
        var loops = loops();
        if (!loops.isEmpty()) {
            throw inUse("%s has its image open".formatted(loops.getFirst().path()));
        }
    }

    VolumeException inUse(String how) {
        return new VolumeException(
                Reason.FAILED_PRECONDITION,
                "volume %s is in use (%s), and here it can only be copied byte by byte, which needs it still: end the use (stop its pods) and retry, or keep such volumes in a pool on XFS or btrfs, which copies them at one moment"
                        .formatted(id, how));
    }

    /// The loop devices of this machine that have it open.
    ///
    /// @throws VolumeException FAILED_PRECONDITION if that can't be seen
    List<LoopDevice> loops() throws IOException {
        return LoopUsers.of(id, image.stat().id());
    }

    /// When the image was last written to, durably.
    Instant modified() throws IOException {
        image.fsync();
        return Files.getLastModifiedTime(image.path()).toInstant();
    }

    private void release() {
        if (reading) {
            reading = false;
            readers.end(id);
        }
    }

    @Override
    public synchronized void close() {
        release();
        image.close();
    }
}
