package dev.stowage.backend.file;

import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.GroupId;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.VolumeId;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Optional;

/// `snapshot.json`: the snapshot, and while its bytes are being copied, by whom and from what.
final class SnapshotRecord {
    private static final String READY = "ready";
    private static final String GROUP = "group";
    private static final String MAKER = "maker";
    private static final String COPIER = "copier";
    private static final String MODIFIED = "sourceModified";

    private SnapshotRecord() {}

    /// A copy that has begun.
    ///
    /// @param copier the driver that is at it
    /// @param sourceModified when the source's image was last written to
    record Copy(String copier, Instant sourceModified) {}

    /// @param copy empty where the snapshot is whole from the start
    /// @param maker who makes the group that it is of
    static byte[] bytes(
            SnapshotFolder folder, Snapshot snapshot, Optional<Copy> copy, Instance maker) {
        return StoredRecord.blank(folder.record())
                .with("id", snapshot.id().toString())
                .with("name", snapshot.name())
                .with("source", snapshot.source().toString())
                .with("sizeBytes", snapshot.sizeBytes())
                .with("requestedBytes", snapshot.requestedBytes())
                .with("fileSystem", snapshot.fileSystem().map(FileSystemType::kernelName))
                .with("provisioning", snapshot.provisioning().toString())
                .with("blockSizeBytes", snapshot.blockSizeBytes())
                .with("created", snapshot.created().toString())
                .with(GROUP, snapshot.group().map(GroupId::toString))
                .with(MAKER, snapshot.group().map(_ -> maker.toString()))
                .with(READY, snapshot.ready())
                .with(COPIER, copy.map(Copy::copier))
                .with(MODIFIED, copy.map(c -> c.sourceModified().toString()))
                .bytes();
    }

    /// The stored record of a copy that is now complete.
    static byte[] ready(StoredRecord stored) {
        return stored.with(READY, true)
                .with(COPIER, Optional.<String>empty())
                .with(MODIFIED, Optional.<String>empty())
                .bytes();
    }

    /// The stored record of a copy that another driver goes on with.
    static byte[] copiedBy(StoredRecord stored, String copier) {
        return stored.with(COPIER, copier).bytes();
    }

    /// The copy that the record speaks of, of a snapshot that is not ready.
    static Copy copy(StoredRecord stored) {
        try {
            return new Copy(stored.text(COPIER), Instant.parse(stored.text(MODIFIED)));
        } catch (DateTimeException e) {
            throw stored.damaged("its field '%s' is no time".formatted(MODIFIED));
        }
    }

    static Snapshot snapshot(StoredRecord stored, SnapshotId id) {
        var found = snapshot(stored);
        if (!found.id().equals(id)) {
            throw stored.damaged("it is of another snapshot, '%s'".formatted(found.id()));
        }
        return found;
    }

    static Snapshot snapshot(StoredRecord stored) {
        return new Snapshot(
                SnapshotId.parse(stored.text("id"))
                        .orElseThrow(() -> stored.damaged("its field 'id' is no snapshot's")),
                stored.text("name"),
                VolumeId.parse(stored.text("source"))
                        .orElseThrow(() -> stored.damaged("its field 'source' is no volume's")),
                VolumeRecord.positive(stored, "sizeBytes"),
                VolumeRecord.requested(stored, VolumeRecord.positive(stored, "sizeBytes")),
                stored.optionalText("fileSystem")
                        .map(name -> VolumeRecord.fileSystem(stored, name)),
                VolumeRecord.provisioning(stored),
                VolumeRecord.blockSizeBytes(stored),
                VolumeRecord.created(stored),
                group(stored),
                stored.truth(READY));
    }

    static Optional<GroupId> group(StoredRecord stored) {
        return stored.optionalText(GROUP)
                .map(
                        text ->
                                GroupId.parse(text)
                                        .orElseThrow(
                                                () ->
                                                        stored.damaged(
                                                                "its field 'group' is no group's")));
    }

    /// Who made it as a member of a group; empty if it is none.
    static Optional<Instance> maker(StoredRecord stored) {
        return stored.optionalText(MAKER).flatMap(Instance::parse);
    }
}
