package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_NOFOLLOW;
import static dev.stowage.linux.OpenFlags.O_NONBLOCK;
import static dev.stowage.linux.OpenFlags.O_RDONLY;

import dev.stowage.linux.Fd;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/// `pool.json`: what makes a folder a pool.
final class PoolIdentity {
    /// What an empty pool folder may hold: ext4's own folder, and what a killed start left.
    private static final Set<String> NOTHING = Set.of("lost+found", PoolFolder.LOCK);

    private PoolIdentity() {}

    static Optional<PoolId> read(PoolFolder pool) throws IOException {
        try {
            return StoredRecord.readIfThere(pool.identity())
                    .map(
                            stored ->
                                    new PoolId(
                                            stored.text("name"),
                                            uuid(stored, stored.text("uuid"))));
        } catch (VolumeException e) {
            throw new VolumeException(Reason.UNAVAILABLE, e.getMessage(), e);
        }
    }

    /// As [#read], from the disk and not from what the kernel has in memory of it.
    static Optional<PoolId> readFromDisk(PoolFolder pool) throws IOException {
        try (var file =
                Fd.openIfExists(pool.identity(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK).orElse(null)) {
            if (file != null) {
                file.dropCache();
            }
        }
        return read(pool);
    }

    static UUID uuid(StoredRecord stored, String text) {
        try {
            var uuid = UUID.fromString(text);
            if (uuid.toString().equals(text)) {
                return uuid;
            }
        } catch (IllegalArgumentException e) {
            // said below
        }
        throw stored.damaged("'%s' is no uuid".formatted(text));
    }

    /// Makes the folder a pool; of several drivers that share it and do so at once, one does.
    static PoolId make(PoolFolder pool, String name, Durable durable) throws IOException {
        var record =
                StoredRecord.blank(pool.identity())
                        .with("uuid", UUID.randomUUID().toString())
                        .with("name", name)
                        .with("created", Instant.now().toString());
        durable.makeIfAbsent(pool.identity(), record.bytes());
        return read(pool).orElseThrow(() -> new NoSuchFileException(pool.identity().toString()));
    }

    static boolean isEmpty(Path folder) throws IOException {
        try (var entries = Files.list(folder)) {
            return entries.map(VolumeStore::fileName)
                    .allMatch(name -> NOTHING.contains(name) || name.startsWith(Nonces.TEMPORARY));
        }
    }
}
