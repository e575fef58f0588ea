package dev.stowage.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TurnsTest {
    private static final List<String> NODES =
            IntStream.range(100, 200).mapToObj(i -> "node" + i).toList();

    @Test
    void eachNodeHasOneTurnInARound() {
        for (var turn = 0; turn < 200; turn++) {
            var speakers = 0;
            for (var node : NODES) {
                var turns = new Turns(Optional.of(node));
                turns.learn(NODES, at(turn));
                speakers += turns.isOurs(at(turn)) ? 1 : 0;
            }
            assertThat(speakers).isEqualTo(1);
        }
    }

    @Test
    void whoseTurnIsFarLooksForOthersMeanwhile() {
        var turns = new Turns(Optional.of("node100"));
        assertThat(turns.isAnothers(at(1))).as("nothing is known").isFalse();
        turns.learn(NODES, at(1));
        for (var turn = 1; turn <= 10; turn++) {
            assertThat(turns.isAnothers(at(turn))).isTrue();
        }

        assertThat(turns.isAnothers(at(11))).isFalse();
        assertThat(turns.isOurs(at(11))).isFalse();
        assertThat(turns.isAnothers(at(100))).isFalse();
        assertThat(turns.isOurs(at(100))).isTrue();
    }

    @Test
    void theNextTurnBeginsAtTheFullHalfMinute() {
        assertThat(Turns.untilNext(at(7))).isEqualTo(Turns.TURN);
        assertThat(Turns.untilNext(at(7).plusMillis(29_999))).isEqualTo(Duration.ofMillis(1));
    }

    private static Instant at(int turn) {
        return Instant.EPOCH.plus(Turns.TURN.multipliedBy(turn));
    }
}
