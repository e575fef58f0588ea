package dev.stowage.volume;

import java.util.UUID;
import java.util.regex.Pattern;

/// The identity of a pool, fixed when the pool is made: the name it was given then and its uuid.
/// The configuration may call it something else later; ids of volumes keep this name.
public record PoolId(String name, UUID uuid) {
    private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?");

    public PoolId {
        requireName(name);
    }

    /// Checks a pool name: lower-case letters, digits and inner hyphens, 1 to 40 characters.
    public static String requireName(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new VolumeException(
                    Reason.INVALID,
                    "pool name '%s' is not valid: use 1 to 40 of a-z, 0-9 and '-', not first or last"
                            .formatted(name));
        }
        return name;
    }

    /// The first eight hexadecimal digits of the uuid: what an id says of its pool.
    public String tag() {
        return uuid.toString().substring(0, 8);
    }
}
