package dev.stowage.volume;

import java.util.Optional;

/// The id of a snapshot, with the letter `s`: at most 83 bytes.
public record SnapshotId(String pool, String poolTag, String hash)
        implements PooledId, Comparable<SnapshotId> {
    private static final IdGrammar GRAMMAR = new IdGrammar('s');

    public static SnapshotId of(PoolId pool, String requestedName) {
        return new SnapshotId(pool.name(), pool.tag(), IdGrammar.hash(requestedName));
    }

    /// The id that `text` spells, or empty if it is none of ours.
    public static Optional<SnapshotId> parse(String text) {
        return GRAMMAR.parse(text, SnapshotId::new);
    }

    @Override
    public int compareTo(SnapshotId other) {
        return toString().compareTo(other.toString());
    }

    @Override
    public String toString() {
        return GRAMMAR.text(this, hash);
    }
}
