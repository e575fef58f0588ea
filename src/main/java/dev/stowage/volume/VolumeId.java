package dev.stowage.volume;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.regex.Pattern;

/// The id of a volume: `<pool>.<8 hex of the pool's uuid>.v<32 hex of a hash of the requested
/// name>`, at most 83 bytes. The same name in the same pool always gives the same id, so a create
/// that is retried finds what it made before. The pool is found by its tag; its name is there for
/// people.
public record VolumeId(String pool, String poolTag, String hash) implements Comparable<VolumeId> {
    private static final Pattern GRAMMAR =
            Pattern.compile(
                    "([a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?)\\.([0-9a-f]{8})\\.v([0-9a-f]{32})");
    private static final int HASH_BYTES = 16;

    public static VolumeId of(PoolId pool, String requestedName) {
        return new VolumeId(pool.name(), pool.tag(), hash(requestedName));
    }

    /// The id that `text` spells, or empty if it is none of ours.
    public static Optional<VolumeId> parse(String text) {
        var match = GRAMMAR.matcher(text);
        return match.matches()
                ? Optional.of(new VolumeId(match.group(1), match.group(2), match.group(3)))
                : Optional.empty();
    }

    /// SHA-256, cut to 128 bits: names that differ in any byte get different ids.
    private static String hash(String requestedName) {
        try {
            var digest = MessageDigest.getInstance("SHA-256").digest(requestedName.getBytes(UTF_8));
            return HexFormat.of().formatHex(digest, 0, HASH_BYTES);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    @Override
    public int compareTo(VolumeId other) {
        return toString().compareTo(other.toString());
    }

    @Override
    public String toString() {
        return pool + "." + poolTag + ".v" + hash;
    }
}
