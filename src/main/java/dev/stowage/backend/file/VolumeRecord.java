package dev.stowage.backend.file;

import dev.stowage.volume.Content;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Optional;

/// `volume.json`: the volume as it was granted.
final class VolumeRecord {
    private static final String CAPACITY = "capacityBytes";

    private VolumeRecord() {}

    static byte[] bytes(VolumeFolder folder, Volume volume) {
        return StoredRecord.blank(folder.record())
                .with("id", volume.id().toString())
                .with("name", volume.name())
                .with(CAPACITY, volume.capacityBytes())
                .with("fileSystem", volume.fileSystem().map(FileSystemType::kernelName))
                .with("mkfsOptions", volume.mkfsOptions())
                .with("provisioning", volume.provisioning().toString())
                .with("blockSizeBytes", volume.blockSizeBytes())
                .with("created", volume.created().toString())
                .with("contentSource", source(volume.content()))
                .bytes();
    }

    /// The stored record with another capacity and all else as it is.
    static byte[] withCapacity(StoredRecord stored, long bytes) {
        return stored.with(CAPACITY, bytes).bytes();
    }

    static Volume volume(StoredRecord stored, VolumeId id) {
        if (!stored.text("id").equals(id.toString())) {
            throw stored.damaged("it is of another volume, '%s'".formatted(stored.text("id")));
        }
        return new Volume(
                id,
                stored.text("name"),
                positive(stored, CAPACITY),
                stored.optionalText("fileSystem").map(name -> fileSystem(stored, name)),
                stored.texts("mkfsOptions"),
                provisioning(stored),
                blockSizeBytes(stored),
                created(stored),
                content(stored));
    }

    private static Optional<String> source(Content content) {
        return switch (content) {
            case Content.Blank _ -> Optional.empty();
            case Content.OfSnapshot(var id) -> Optional.of(id.toString());
            case Content.OfVolume(var id) -> Optional.of(id.toString());
        };
    }

    private static Content content(StoredRecord stored) {
        var source = stored.optionalText("contentSource");
        return source.isEmpty()
                ? new Content.Blank()
                : SnapshotId.parse(source.get())
                        .<Content>map(Content.OfSnapshot::new)
                        .or(() -> VolumeId.parse(source.get()).map(Content.OfVolume::new))
                        .orElseThrow(
                                () ->
                                        stored.damaged(
                                                "its contentSource '%s' is no id"
                                                        .formatted(source.get())));
    }

    static FileSystemType fileSystem(StoredRecord stored, String name) {
        return FileSystemType.named(name)
                .orElseThrow(() -> stored.damaged("file system '%s' is not known".formatted(name)));
    }

    static int blockSizeBytes(StoredRecord stored) {
        return Math.toIntExact(Math.min(positive(stored, "blockSizeBytes"), Integer.MAX_VALUE));
    }

    static long positive(StoredRecord stored, String field) {
        var value = stored.number(field);
        if (value <= 0) {
            throw stored.damaged("its field '%s' is %d".formatted(field, value));
        }
        return value;
    }

    static Provisioning provisioning(StoredRecord stored) {
        try {
            return Provisioning.require(stored.text("provisioning"));
        } catch (VolumeException e) {
            throw stored.damaged(Optional.ofNullable(e.getMessage()).orElse("provisioning"));
        }
    }

    static Instant created(StoredRecord stored) {
        try {
            return Instant.parse(stored.text("created"));
        } catch (DateTimeException e) {
            throw stored.damaged("its field 'created' is no time");
        }
    }
}
