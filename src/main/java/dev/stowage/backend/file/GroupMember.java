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
    private final ImageOrigin origin;
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
            ImageOrigin origin,
            SnapshotDraft draft,
            String nonce) {
        this.open = open;
        this.snapshots = snapshots;
        this.wanted = wanted;
        this.origin = origin;
        this.draft = draft;
        this.nonce = nonce;
    }

    /// Reserves its room and opens its files.
    static GroupMember begin(
            OpenPool open, FileSnapshots snapshots, Room room, SnapshotBuilder.Wanted wanted)
            throws IOException {
        var nonce = open.nonces().of(wanted.id());
        var origin = snapshots.openVolume(wanted.source().id());
        try {
            room.reserve(promise(nonce), origin.sizeBytes(), wanted.source().provisioning());
            var draft = SnapshotDraft.begin(open, nonce);
            return new GroupMember(open, snapshots, wanted, origin, draft, nonce);
        } catch (IOException | RuntimeException e) {
            open.promises().drop(promise(nonce));
            origin.close();
            FolderTree.erase(open.folder().incoming().resolve(nonce));
            throw e;
        }
    }

    private static String promise(String nonce) {
        return PoolFolder.INCOMING + "/" + nonce;
    }

    SnapshotBuilder.Wanted wanted() {
        return wanted;
    }

    ImageOrigin origin() {
        return origin;
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
        return origin.format();
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
        open.promises().rename(promise(nonce), FileSnapshots.promiseOf(wanted.id()));
    }

    /// The group is real: what there is to copy is copied.
    void committed() {
        var snapshot = Objects.requireNonNull(made);
        if (copy.isEmpty()) {
            open.promises().claimLater(FileSnapshots.promiseOf(wanted.id()));
        } else {
            copying = true;
            snapshots.copies().begin(snapshot, origin, copy.get().sourceModified());
        }
    }

    /// Erases what is not renamed yet.
    void takeBack() throws IOException {
        if (!renamed) {
            FolderTree.erase(open.folder().incoming().resolve(nonce));
            open.promises().drop(promise(nonce));
        }
    }

    @Override
    public void close() {
        draft.close();
        if (!copying) {
            origin.close();
        }
    }
}
