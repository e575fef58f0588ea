package dev.stowage.kubernetes;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/// Who speaks when, without an election: every node's driver reads the same objects, so they take
/// turns by the clock. A node that is dead costs its own turn. Where clocks or what is known of the
/// nodes differ, two speak in one turn or nobody does, and both do no harm.
final class Turns {
    /// How long a turn is.
    static final Duration TURN = Duration.ofSeconds(30);

    /// So soon a node knows of others that came or went, even where its own turn is far.
    private static final int KNOWN_FOR_TURNS = 10;

    private final Optional<String> self;
    private List<String> nodes = List.of();
    private long learnt;

    /// @param self this node among the others; empty: every turn is ours
    Turns(Optional<String> self) {
        this.self = self;
    }

    /// Takes in which nodes there are, sorted.
    void learn(List<String> nodes, Instant now) {
        this.nodes = List.copyOf(nodes);
        this.learnt = turn(now);
    }

    /// Whether it is certain enough that this turn is another's: then nothing need be asked.
    boolean isAnothers(Instant now) {
        return !isOurs(now) && !nodes.isEmpty() && turn(now) - learnt < KNOWN_FOR_TURNS;
    }

    /// Whether this turn is ours among the nodes that were learnt last.
    boolean isOurs(Instant now) {
        return self.isEmpty()
                || (!nodes.isEmpty()
                        && nodes.get((int) (turn(now) % nodes.size())).equals(self.get()));
    }

    /// How long it is until the next turn begins.
    static Duration untilNext(Instant now) {
        var length = TURN.toMillis();
        return Duration.ofMillis(length - now.toEpochMilli() % length);
    }

    private static long turn(Instant now) {
        return now.getEpochSecond() / TURN.toSeconds();
    }
}
