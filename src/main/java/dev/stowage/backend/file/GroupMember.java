package dev.stowage.backend.file;

import dev.stowage.volume.FormatState;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A snapshot that is being built as a member of a group.
final class GroupMember implements AutoCloseable {
    private final OpenPool open;
    private final FileSnapshots snapshots;
    private final SnapshotBuilder.Wanted wanted;
    private final ImageCopySource copySource;
    private final SnapshotDraft draft;
    private final String nonce;
    private @Nullable Snapshot made;
    private Optional<SnapshotRecord.Copy> copy = Optional.empty();
    private boolean renamed;
    private boolean copying;

    private GroupMember(
            OpenPool open,
            FileSnapshots snapshots,
            SnapshotBuilder.Wanted wanted,
            ImageCopySource copySource,
            SnapshotDraft draft,
            String nonce) {
        this.open = open;
        this.snapshots = snapshots;
        this.wanted = wanted;
        this.copySource = copySource;
        this.draft = draft;
        this.nonce = nonce;
    }

    /// Reserves its capacity and opens its files.
    static GroupMember begin(
            OpenPool open,
            FileSnapshots snapshots,
            CapacityCheck capacity,
            SnapshotBuilder.Wanted wanted)
            throws IOException {
        var nonce = open.nonces().of(wanted.id());
        var copySource = snapshots.openVolume(wanted.source().id());
        try {
            capacity.reserve(
                    ReservationKey.build(nonce),
                    copySource.sizeBytes(),
                    wanted.source().provisioning());
            var draft = SnapshotDraft.begin(open, nonce);
            return new GroupMember(open, snapshots, wanted, copySource, draft, nonce);
        } catch (IOException | RuntimeException e) {
            open.reservations().drop(ReservationKey.build(nonce));
            copySource.close();
            FolderTree.erase(open.folder().incoming().resolve(nonce));
            throw e;
        }
    }

    SnapshotBuilder.Wanted wanted() {
        return wanted;
    }

    ImageCopySource copySource() {
        return copySource;
    }

    SnapshotDraft draft() {
        return draft;
    }

    /// Makes it durable as it was cut.
    void finish(SnapshotBuilder.Cut cut) throws IOException {
        var snapshot = SnapshotBuilder.snapshot(wanted, cut);
        draft.finish(snapshot, cut.format(), cut.copy());
        made = snapshot;
        copy = cut.copy();
    }

    /// How far the volume's format has come.
    FormatState format() throws IOException {
        return copySource.format();
    }

    /// Puts it among the snapshots, where it counts for nothing yet.
    void rename() throws IOException {
        if (!draft.rename(wanted.id())) {
            throw new VolumeException(
                    Reason.BUSY,
                    "another driver makes snapshot %s at the same time; retry"
                            .formatted(wanted.id()));
        }
        renamed = true;
        open.reservations().rename(ReservationKey.build(nonce), ReservationKey.of(wanted.id()));
    }

    /// The group is real: what there is to copy is copied.
    void committed() {
        var snapshot = Objects.requireNonNull(made);
        if (copy.isEmpty()) {
            open.reservations().claimLater(ReservationKey.of(wanted.id()));
        } else {
            copying = true;
            snapshots.copies().begin(snapshot, copySource, copy.get().sourceModified());
        }
    }

    /// Erases what is not renamed yet.
    void takeBack() throws IOException {
        if (!renamed) {
            FolderTree.erase(open.folder().incoming().resolve(nonce));
            open.reservations().drop(ReservationKey.build(nonce));
        }
    }

    @Override
    public void close() {
        draft.close();
        if (!copying) {
            copySource.close();
        }
    }
}
