package dev.stowage.backend.file;

import dev.stowage.volume.PoolId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.nio.file.Path;

/// What the configuration says of one file pool.
///
/// @param name what the configuration calls it today
/// @param path absolute; the pool's own folder
/// @param overcommit how many times its capacity may be reserved, at least 1.0
/// @param requireMount refuse the pool unless its folder lies on a mounted disk of its own
/// @param shared several drivers use the pool at once
/// @param ephemeral allow a file system that forgets: overlay, tmpfs, ramfs
public record FilePoolSettings(
        String name,
        Path path,
        double overcommit,
        boolean requireMount,
        boolean shared,
        boolean ephemeral) {
    public FilePoolSettings {
        PoolId.requireName(name);
        if (!path.isAbsolute()) {
            throw new VolumeException(
                    Reason.INVALID,
                    "pool %s: path '%s' is not absolute: write it from the root"
                            .formatted(name, path));
        }
        if (!(overcommit >= 1.0) || Double.isInfinite(overcommit)) {
            throw new VolumeException(
                    Reason.INVALID,
                    "pool %s: overcommit %s is not valid: use a number from 1.0 upwards"
                            .formatted(name, overcommit));
        }
        path = path.normalize();
    }

    /// A pool with the defaults: exclusive, nothing reserved twice.
    public static FilePoolSettings plain(String name, Path path) {
        return new FilePoolSettings(name, path, 1.0, false, false, false);
    }
}
