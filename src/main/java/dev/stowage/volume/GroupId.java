package dev.stowage.volume;

import java.util.Optional;

/// The id of a group of snapshots, with the letter `g`: at most 83 bytes.
public record GroupId(String pool, String poolTag, String hash) implements PooledId {
    private static final IdGrammar GRAMMAR = new IdGrammar('g');

    public static GroupId of(PoolId pool, String requestedName) {
        return new GroupId(pool.name(), pool.tag(), IdGrammar.hash(requestedName));
    }

    /// The id that `text` spells, or empty if it is none of ours.
    public static Optional<GroupId> parse(String text) {
        return GRAMMAR.parse(text, GroupId::new);
    }

    @Override
    public String toString() {
        return GRAMMAR.text(this, hash);
    }
}
