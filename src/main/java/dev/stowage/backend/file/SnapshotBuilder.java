package dev.stowage.backend.file;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.time.Instant;
import java.util.Optional;

/// Builds a snapshot aside, durable, and makes it real with one rename: whole where blocks can be
/// shared, else with all its room and none of its bytes, which are copied afterwards.
final class SnapshotBuilder {
    /// Each new try is a format of the volume that began or ended meanwhile.
    private static final int TRIES = 8;

    private final PoolFolder pool;
    private final OpenFolders folders;
    private final Durable durable;
    private final Instance own;
    private final boolean reflinks;

    SnapshotBuilder(OpenPool open) {
        this.pool = open.folder();
        this.folders = open.folders();
        this.durable = open.durable();
        this.own = open.nonces().instance();
        this.reflinks = open.probe().reflinks();
    }

    /// What is to be made.
    record Wanted(SnapshotId id, String name, Volume source) {}

    /// The moment whose content the snapshot has.
    ///
    /// @param copy empty where the image has it already
    private record Cut(
            Instant at, FormatState format, long bytes, Optional<SnapshotRecord.Copy> copy) {}

    /// @param nonce the name to build it under
    /// @return empty if the snapshot exists already; what was built for it is gone then, as after
    ///     an error
    Optional<Snapshot> build(Wanted wanted, ImageOrigin origin, String nonce) throws IOException {
        var incoming = pool.incoming().resolve(nonce);
        Snapshot made;
        try {
            made = fill(wanted, origin, nonce);
            Linux.renameNoReplace(incoming, pool.snapshot(wanted.id()).path());
        } catch (IOException | RuntimeException e) {
            FolderTree.erase(incoming);
            if (e instanceof ErrnoException errno
                    && errno.call().startsWith("rename")
                    && errno.is(Errno.EEXIST)) {
                durable.sync(folders.snapshots()); // whoever made it may not have come so far
                return Optional.empty();
            }
            throw e;
        }
        durable.sync(folders.snapshots());
        return Optional.of(made);
    }

    private Snapshot fill(Wanted wanted, ImageOrigin origin, String nonce) throws IOException {
        folders.incoming().mkdirAt(nonce, Durable.FOLDER_MODE);
        try (var folder = VolumeBuilder.openFolder(folders.incoming(), nonce);
                var image = VolumeBuilder.newFile(folder, SnapshotFolder.IMAGE);
                var record = VolumeBuilder.newFile(folder, SnapshotFolder.RECORD);
                var format = VolumeBuilder.newFile(folder, SnapshotFolder.FORMAT)) {
            var cut = cut(image, origin, wanted.source().provisioning());
            var snapshot = snapshot(wanted, cut);
            var names = pool.snapshot(wanted.id());
            Durable.write(record, SnapshotRecord.bytes(names, snapshot, cut.copy()));
            Durable.write(
                    format, FormatRecord.bytes(StoredRecord.blank(names.format()), cut.format()));
            durable.syncNew(record);
            durable.syncNew(format);
            durable.syncNew(image);
            durable.syncNew(folder);
            return snapshot;
        }
    }

    private static Snapshot snapshot(Wanted wanted, Cut cut) {
        return new Snapshot(
                wanted.id(),
                wanted.name(),
                wanted.source().id(),
                cut.bytes(),
                wanted.source().fileSystem(),
                wanted.source().provisioning(),
                wanted.source().blockSizeBytes(),
                cut.at(),
                cut.copy().isEmpty());
    }

    private Cut cut(Fd image, ImageOrigin origin, Provisioning provisioning) throws IOException {
        try (var from = OriginFilling.open(origin)) {
            for (var tries = 0; reflinks && tries < TRIES; tries++) {
                var before = origin.format();
                origin.flush();
                var at = Instant.now();
                if (!ImageCopy.share(from, image)) {
                    break;
                }
                if (origin.format().equals(before)) {
                    return new Cut(at, before, image.stat().size(), Optional.empty());
                }
                if (tries == TRIES - 1) {
                    throw new VolumeException(
                            Reason.BUSY, "the volume is being formatted meanwhile; retry");
                }
            }
        }
        origin.requireStill();
        image.truncate(0);
        Filling.size(image, provisioning, origin.sizeBytes());
        var copy = new SnapshotRecord.Copy(own.toString(), origin.modified());
        return new Cut(Instant.now(), origin.format(), origin.sizeBytes(), Optional.of(copy));
    }
}
