package dev.stowage.backend.file;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Linux;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeId;
import dev.stowage.volume.Volumes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// What the pool's folder says of its volumes.
final class VolumeStore {
    private final PoolFolder pool;
    private final Durable durable;

    VolumeStore(PoolFolder pool, Durable durable) {
        this.pool = pool;
        this.durable = durable;
    }

    /// The ids of the volumes that are there, in no order.
    List<VolumeId> ids() throws IOException {
        try (var entries = Files.list(pool.volumes())) {
            return entries.flatMap(entry -> VolumeId.parse(fileName(entry)).stream()).toList();
        }
    }

    static String fileName(Path entry) {
        return String.valueOf(entry.getFileName());
    }

    Optional<Volume> find(VolumeId id) throws IOException {
        return stored(id).map(record -> VolumeRecord.volume(record, id));
    }

    /// The record as it is stored; empty if there is no such volume.
    Optional<StoredRecord> stored(VolumeId id) throws IOException {
        var folder = pool.volume(id);
        var found = readIfThere(folder);
        if (found.isPresent() || !exists(folder)) {
            return found;
        }
        // The volume came between the two looks, or its record is really missing.
        found = readIfThere(folder);
        if (found.isEmpty() && exists(folder)) {
            throw StoredRecord.damaged(folder.record(), "it is missing");
        }
        return found;
    }

    private static Optional<StoredRecord> readIfThere(VolumeFolder folder) throws IOException {
        try {
            return Optional.of(StoredRecord.read(folder.record()));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    static boolean exists(VolumeFolder folder) throws ErrnoException {
        return Linux.lstatIfExists(folder.path()).isPresent();
    }

    VolumeFolder require(VolumeId id) throws IOException {
        var folder = pool.volume(id);
        if (!exists(folder)) {
            throw Volumes.noSuchVolume(id.toString());
        }
        return folder;
    }

    Path image(VolumeId id) throws IOException {
        var image = pool.volume(id).image();
        var stat = Linux.lstatIfExists(image);
        if (stat.isEmpty()) {
            require(id);
            throw StoredRecord.damaged(image, "the image is missing");
        }
        if (!stat.get().isRegularFile()) {
            throw StoredRecord.damaged(image, "the image is not a regular file");
        }
        return image;
    }

    FormatState formatState(VolumeId id) throws IOException {
        var stored = storedFormat(id);
        return switch (stored.text("state")) {
            case "blank" -> new FormatState.Blank();
            case "formatting" -> new FormatState.Formatting(formattedAs(stored));
            case "formatted" -> new FormatState.Formatted(formattedAs(stored));
            case "adopted" -> new FormatState.Adopted();
            default ->
                    throw stored.damaged("state '%s' is not known".formatted(stored.text("state")));
        };
    }

    private static FileSystemType formattedAs(StoredRecord stored) {
        return VolumeRecord.fileSystem(stored, stored.text("fileSystem"));
    }

    private StoredRecord storedFormat(VolumeId id) throws IOException {
        var file = pool.volume(id).format();
        try {
            return StoredRecord.read(file);
        } catch (NoSuchFileException e) {
            require(id);
            throw StoredRecord.damaged(file, "it is missing");
        }
    }

    void recordFormat(VolumeId id, FormatState state) throws IOException {
        var stored = storedFormat(id);
        try {
            durable.replace(pool.volume(id).format(), formatBytes(stored, state));
        } catch (ErrnoException e) {
            if (e.is(Errno.ENOENT)) {
                require(id);
            }
            throw e;
        }
    }

    static byte[] blankFormat(VolumeFolder folder) {
        return formatBytes(StoredRecord.blank(folder.format()), new FormatState.Blank());
    }

    private static byte[] formatBytes(StoredRecord stored, FormatState state) {
        var word =
                switch (state) {
                    case FormatState.Blank() -> "blank";
                    case FormatState.Formatting(var _) -> "formatting";
                    case FormatState.Formatted(var _) -> "formatted";
                    case FormatState.Adopted() -> "adopted";
                };
        Optional<FileSystemType> fileSystem =
                switch (state) {
                    case FormatState.Formatting(var type) -> Optional.of(type);
                    case FormatState.Formatted(var type) -> Optional.of(type);
                    case FormatState.Blank(), FormatState.Adopted() -> Optional.empty();
                };
        return stored.with("state", word)
                .with("fileSystem", fileSystem.map(FileSystemType::kernelName))
                .bytes();
    }
}
