package dev.stowage.backend.file;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Linux;
import dev.stowage.spi.Backend;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.LimitKey;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
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
        return StoredRecord.readIn(folder.path(), folder.record());
    }

    static boolean exists(VolumeFolder folder) throws ErrnoException {
        return Linux.lstatIfExists(folder.path()).isPresent();
    }

    VolumeFolder require(VolumeId id) throws IOException {
        var folder = pool.volume(id);
        if (!exists(folder)) {
            throw Backend.noSuchVolume(id.toString());
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
        return FormatRecord.state(storedFormat(id));
    }

    private StoredRecord storedFormat(VolumeId id) throws IOException {
        var file = pool.volume(id).format();
        var found = StoredRecord.readIfThere(file);
        if (found.isEmpty()) {
            require(id);
            throw StoredRecord.damaged(file, "it is missing");
        }
        return found.get();
    }

    /// Durable when it returns.
    Volume modify(VolumeId id, Map<LimitKey, Long> mutable) throws IOException {
        var folder = require(id);
        var stored = stored(id).orElseThrow(() -> Backend.noSuchVolume(id.toString()));
        var volume = VolumeRecord.volume(stored, id);
        try {
            durable.replace(folder.record(), VolumeRecord.withMutableLimits(stored, mutable));
        } catch (ErrnoException e) {
            if (e.is(Errno.ENOENT)) {
                require(id); // deleted meanwhile
            }
            throw e;
        }
        return volume.withLimits(volume.limits().withMutable(mutable));
    }

    void recordFormat(VolumeId id, FormatState state) throws IOException {
        var stored = storedFormat(id);
        try {
            durable.replace(pool.volume(id).format(), FormatRecord.bytes(stored, state));
        } catch (ErrnoException e) {
            if (e.is(Errno.ENOENT)) {
                require(id);
            }
            throw e;
        }
    }
}
