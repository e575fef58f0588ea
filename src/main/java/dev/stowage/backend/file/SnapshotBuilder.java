package dev.stowage.backend.file;

import dev.stowage.linux.Fd;
import dev.stowage.spi.FreezePermit;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.GroupId;
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

    private final OpenPool open;
    private final Instance own;
    private final FrozenCopies frozen;

    SnapshotBuilder(OpenPool open, FrozenCopies frozen) {
        this.open = open;
        this.frozen = frozen;
        this.own = open.nonces().instance();
    }

    /// What is to be made.
    record Wanted(SnapshotId id, String name, Volume source, Optional<GroupId> group) {}

    /// The moment whose content the snapshot has.
    ///
    /// @param shares its blocks are the volume's
    /// @param copy empty where the image has it already
    record Cut(
            Instant at,
            FormatState format,
            long bytes,
            boolean shares,
            Optional<SnapshotRecord.Copy> copy) {}

    /// What was made.
    ///
    /// @param shares its blocks are the volume's
    record Made(Snapshot snapshot, boolean shares) {}

    /// @param nonce the name to build it under
    /// @return empty if the snapshot exists already; what was built for it is gone then, as after
    ///     an error
    Optional<Made> build(
            Wanted wanted, ImageCopySource copySource, String nonce, Optional<FreezePermit> freeze)
            throws IOException {
        var incoming = open.folder().incoming().resolve(nonce);
        try {
            var made = fill(wanted, copySource, nonce, freeze);
            // Whoever made the one that is there may not have come so far as to sync.
            open.durable().sync(open.folders().snapshots());
            if (made.isEmpty()) {
                FolderTree.erase(incoming);
            }
            return made;
        } catch (IOException | RuntimeException e) {
            FolderTree.erase(incoming);
            throw e;
        }
    }

    private Optional<Made> fill(
            Wanted wanted, ImageCopySource copySource, String nonce, Optional<FreezePermit> freeze)
            throws IOException {
        try (var draft = SnapshotDraft.begin(open, nonce)) {
            var cut = cut(wanted, draft.image(), copySource, freeze);
            var snapshot = snapshot(wanted, cut);
            draft.finish(snapshot, cut.format(), cut.copy());
            return draft.rename(wanted.id())
                    ? Optional.of(new Made(snapshot, cut.shares()))
                    : Optional.empty();
        }
    }

    static Snapshot snapshot(Wanted wanted, Cut cut) {
        return new Snapshot(
                wanted.id(),
                wanted.name(),
                wanted.source().id(),
                cut.bytes(),
                Math.min(wanted.source().requestedBytes(), cut.bytes()),
                wanted.source().fileSystem(),
                wanted.source().provisioning(),
                wanted.source().blockSizeBytes(),
                cut.at(),
                wanted.group(),
                cut.copy().isEmpty());
    }

    private Cut cut(
            Wanted wanted, Fd image, ImageCopySource copySource, Optional<FreezePermit> freeze)
            throws IOException {
        var shared = shared(image, copySource);
        if (shared.isPresent()) {
            return shared.get();
        }
        if (freeze.isPresent()) {
            var copied = frozen.cut(wanted, copySource, image, freeze.get());
            if (copied.isPresent()) {
                return copied.get();
            }
        } else {
            requireStill(copySource);
        }
        return toCopy(image, copySource, wanted.source().provisioning(), own);
    }

    private static void requireStill(ImageCopySource copySource) throws IOException {
        try {
            copySource.requireQuiesced();
        } catch (VolumeException e) {
            throw new VolumeException(
                    e.reason(),
                    "%s; or let it be frozen while it is copied, by %s: 1 to %d in the VolumeSnapshotClass"
                            .formatted(e.getMessage(), FreezePermit.KEY, FreezePermit.MAX_SECONDS),
                    e);
        }
    }

    private Optional<Cut> shared(Fd image, ImageCopySource copySource) throws IOException {
        try (var from = CopyFilling.open(copySource)) {
            for (var tries = 0; open.probe().reflinks() && tries < TRIES; tries++) {
                var before = copySource.format();
                copySource.flush();
                var at = Instant.now();
                if (!ImageCopy.share(from, image)) {
                    break;
                }
                if (copySource.format().equals(before)) {
                    var bytes = image.stat().size();
                    return Optional.of(new Cut(at, before, bytes, true, Optional.empty()));
                }
                if (tries == TRIES - 1) {
                    throw new VolumeException(
                            Reason.BUSY, "the volume is being formatted meanwhile; retry");
                }
            }
        }
        return Optional.empty();
    }

    /// Room for the bytes of a source that is still.
    ///
    /// @param copier who will copy them
    static Cut toCopy(
            Fd image, ImageCopySource copySource, Provisioning provisioning, Instance copier)
            throws IOException {
        image.truncate(0);
        Filling.size(image, provisioning, copySource.sizeBytes());
        var copy = new SnapshotRecord.Copy(copier.toString(), copySource.modified());
        return new Cut(
                Instant.now(),
                copySource.format(),
                copySource.sizeBytes(),
                false,
                Optional.of(copy));
    }
}
