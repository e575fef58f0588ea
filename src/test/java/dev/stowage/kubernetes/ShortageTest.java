package dev.stowage.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShortageTest {
    private static final long GIB = 1L << 30;

    @ParameterizedTest
    @CsvSource({
        "5476083302, 5.1 GiB, 5 GiB",
        "107374182400, 100 GiB, 100 GiB",
        "1073741823, 1024 MiB, 1023.9 MiB",
        "1, 1 bytes, 1 bytes",
        "9223372036854775807, 8 EiB, 7.9 EiB"
    })
    void whatIsAskedIsRoundedUpAndWhatIsFreeDown(long bytes, String asked, String free) {
        assertThat(message(bytes, Map.of("n1", GIB)))
                .contains(" the " + asked + " of StorageClass");
        assertThat(message(GIB, Map.of("n1", bytes))).contains("free are " + free + " on n1.");
    }

    @Test
    void nodesWithoutRoomAreNotNamed() {
        assertThat(message(9 * GIB, Map.of("n1", 0L, "n2", 2 * GIB)))
                .contains(": free are 2 GiB on n2. Delete");
        assertThat(message(9 * GIB, Map.of("n1", 0L, "n2", 0L)))
                .contains(": nothing is free on any. Delete");
    }

    /// An event's message has 1024 characters at most, and node names may have 63.
    @Test
    void ofManyNodesThoseWithMostAreNamed() {
        var nodes = new TreeMap<String, Long>();
        IntStream.range(0, 1000).forEach(i -> nodes.put("n".repeat(60) + i, i * GIB));
        var message = message(9000 * GIB, nodes);
        assertThat(message)
                .contains("free are 999 GiB on " + "n".repeat(60) + "999, 998 GiB on")
                .contains("less on 994 others (a volume must fit on one)")
                .hasSizeLessThan(1024);
    }

    @Test
    void sharedPoolsHaveTheSameOnEveryNode() {
        var claim = new PendingClaim("shop", "big", "u", "shared", 9 * GIB);
        assertThat(new Shortage(claim, Map.of("n1", 0L, "n2", 0L), true).message())
                .contains("the pool has no room for the 9 GiB of StorageClass shared")
                .contains(": nothing is free. Delete");
    }

    private static String message(long bytes, Map<String, Long> free) {
        return new Shortage(new PendingClaim("shop", "big", "u", "ssd", bytes), free, false)
                .message();
    }
}
