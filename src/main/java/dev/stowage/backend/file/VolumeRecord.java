package dev.stowage.backend.file;

import dev.stowage.volume.Content;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.LimitKey;
import dev.stowage.volume.LimitSettings;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/// `volume.json`: the volume as it was granted.
final class VolumeRecord {
    private static final String CAPACITY = "capacityBytes";
    private static final String REQUESTED = "requestedBytes";
    private static final String LIMITS = "limits";
    private static final String MUTABLE_LIMITS = "mutableLimits";

    private VolumeRecord() {}

    static byte[] bytes(VolumeFolder folder, Volume volume) {
        return StoredRecord.blank(folder.record())
                .with("id", volume.id().toString())
                .with("name", volume.name())
                .with(CAPACITY, volume.capacityBytes())
                .with(REQUESTED, volume.requestedBytes())
                .with("fileSystem", volume.fileSystem().map(FileSystemType::kernelName))
                .with("mkfsOptions", volume.mkfsOptions())
                .with("provisioning", volume.provisioning().toString())
                .with("blockSizeBytes", volume.blockSizeBytes())
                .with("created", volume.created().toString())
                .with("contentSource", source(volume.content()))
                .with(LIMITS, numbers(volume.limits().fixed()))
                .with(MUTABLE_LIMITS, numbers(volume.limits().mutable()))
                .bytes();
    }

    /// The stored record with another capacity and all else as it is.
    static byte[] withCapacity(StoredRecord stored, Volume grown) {
        return stored.with(CAPACITY, grown.capacityBytes())
                .with(REQUESTED, grown.requestedBytes())
                .bytes();
    }

    /// The stored record with other mutable limits and all else as it is.
    static byte[] withMutableLimits(StoredRecord stored, Map<LimitKey, Long> limits) {
        return stored.with(MUTABLE_LIMITS, numbers(limits)).bytes();
    }

    static Volume volume(StoredRecord stored, VolumeId id) {
        if (!stored.text("id").equals(id.toString())) {
            throw stored.damaged("it is of another volume, '%s'".formatted(stored.text("id")));
        }
        return new Volume(
                id,
                stored.text("name"),
                positive(stored, CAPACITY),
                requested(stored, positive(stored, CAPACITY)),
                stored.optionalText("fileSystem").map(name -> fileSystem(stored, name)),
                stored.texts("mkfsOptions"),
                provisioning(stored),
                blockSizeBytes(stored),
                created(stored),
                content(stored),
                limits(stored));
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

    private static Map<String, Long> numbers(Map<LimitKey, Long> limits) {
        var numbers = new LinkedHashMap<String, Long>();
        limits.forEach((key, value) -> numbers.put(key.toString(), value));
        return numbers;
    }

    private static LimitSettings limits(StoredRecord stored) {
        try {
            return new LimitSettings(
                    limits(stored, LIMITS, _ -> true),
                    limits(stored, MUTABLE_LIMITS, LimitKey::mutable));
        } catch (VolumeException e) {
            throw stored.damaged(String.valueOf(e.getMessage()));
        }
    }

    /// A name that is not known is of a later version, and no limit that this one could hold.
    private static Map<LimitKey, Long> limits(
            StoredRecord stored, String field, Predicate<LimitKey> allowed) {
        var limits = new EnumMap<LimitKey, Long>(LimitKey.class);
        stored.numbers(field)
                .forEach(
                        (name, value) ->
                                LimitKey.named(name)
                                        .filter(allowed)
                                        .ifPresent(key -> limits.put(key, held(key, value))));
        return limits;
    }

    private static long held(LimitKey key, long value) {
        if (!key.holds(value)) {
            throw new VolumeException(Reason.DAMAGED, "its %s is %d".formatted(key, value));
        }
        return value;
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

    /// @param bytes the size that was made of it; what earlier versions made says no more
    static long requested(StoredRecord stored, long bytes) {
        return stored.has(REQUESTED) ? Math.min(positive(stored, REQUESTED), bytes) : bytes;
    }

    static Instant created(StoredRecord stored) {
        try {
            return Instant.parse(stored.text("created"));
        } catch (DateTimeException e) {
            throw stored.damaged("its field 'created' is no time");
        }
    }
}
