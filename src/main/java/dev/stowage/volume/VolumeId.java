package dev.stowage.volume;

import java.util.Optional;

/// The id of a volume, with the letter `v`: at most 83 bytes.
public record VolumeId(String pool, String poolTag, String hash)
        implements PooledId, Comparable<VolumeId> {
    private static final IdGrammar GRAMMAR = new IdGrammar('v');

    public static VolumeId of(PoolId pool, String requestedName) {
        return new VolumeId(pool.name(), pool.tag(), IdGrammar.hash(requestedName));
    }

    /// The id that `text` spells, or empty if it is none of ours.
    public static Optional<VolumeId> parse(String text) {
        return GRAMMAR.parse(text, VolumeId::new);
    }

    @Override
    public int compareTo(VolumeId other) {
        return toString().compareTo(other.toString());
    }

    @Override
    public String toString() {
        return GRAMMAR.text(this, hash);
    }
}
