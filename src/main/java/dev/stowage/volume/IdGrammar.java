package dev.stowage.volume;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.regex.Pattern;

/// How ids of one kind are spelled; see [PooledId].
final class IdGrammar {
    private static final int HASH_BYTES = 16;

    private final char letter;
    private final Pattern pattern;

    /// @param letter what tells this kind from the others
    IdGrammar(char letter) {
        this.letter = letter;
        this.pattern =
                Pattern.compile(
                        "([a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?)\\.([0-9a-f]{8})\\.%c([0-9a-f]{32})"
                                .formatted(letter));
    }

    interface Maker<T> {
        T make(String pool, String poolTag, String hash);
    }

    /// The id that `text` spells, or empty if it is none of this kind.
    <T> Optional<T> parse(String text, Maker<T> maker) {
        var match = pattern.matcher(text);
        return match.matches()
                ? Optional.of(maker.make(match.group(1), match.group(2), match.group(3)))
                : Optional.empty();
    }

    String text(PooledId id, String hash) {
        return id.pool() + "." + id.poolTag() + "." + letter + hash;
    }

    /// SHA-256, cut to 128 bits: names that differ in any byte get different ids.
    static String hash(String requestedName) {
        try {
            var digest = MessageDigest.getInstance("SHA-256").digest(requestedName.getBytes(UTF_8));
            return HexFormat.of().formatHex(digest, 0, HASH_BYTES);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
