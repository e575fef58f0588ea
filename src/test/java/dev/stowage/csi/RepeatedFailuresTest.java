package dev.stowage.csi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class RepeatedFailuresTest {
    private static final long QUIET = RepeatedFailures.QUIET.toNanos();

    private final RepeatedFailures failures = new RepeatedFailures();

    @Test
    void theSameAnswerIsLoggedOnceInAWhileWithHowOftenItWasGiven() {
        var start = Long.MAX_VALUE - 5; // nanoTime may overflow
        assertThat(failed("a", "not here", start)).hasValue(0);
        for (var i = 1; i <= 53; i++) {
            assertThat(failed("a", "not here", start + i)).isEmpty();
        }
        assertThat(failed("a", "not here", start + QUIET - 1)).isEmpty();
        assertThat(failed("a", "not here", start + QUIET)).hasValue(54);
        assertThat(failed("a", "not here", start + QUIET + 1)).isEmpty();
        assertThat(failed("a", "not here", start + 2 * QUIET)).hasValue(1);
    }

    @Test
    void anotherAnswerAnotherVolumeAndAnotherCallAreNews() {
        assertThat(failed("a", "not here", 0)).hasValue(0);
        assertThat(failed("a", "full", 1)).hasValue(0);
        assertThat(failed("b", "full", 2)).hasValue(0);
        assertThat(failures.failed("DeleteVolume", "a", "full", 3)).hasValue(0);
        assertThat(failed("a", "not here", 4)).isEmpty();
        assertThat(failed("a", "full", 5)).isEmpty();
    }

    @Test
    void anAnswerThatDiffersOnlyInNumbersIsTheSame() {
        var full = "mkdirat(/p/.incoming/v.n1.07583fa9.799b1ad6.%d): ENOSPC, %d bytes are left";
        assertThat(failed("a", full.formatted(7, 4096), 0)).hasValue(0);
        assertThat(failed("a", full.formatted(18, 0), 1)).isEmpty();
        assertThat(failed("a", "attached to node n1", 2)).hasValue(0);
        assertThat(failed("a", "attached to node n2", 3)).hasValue(0);
    }

    @Test
    void aFailureAfterASuccessIsNews() {
        assertThat(failed("a", "full", 0)).hasValue(0);
        failures.succeeded("CreateVolume", "b");
        assertThat(failed("a", "full", 1)).isEmpty();
        failures.succeeded("CreateVolume", "a");
        assertThat(failed("a", "full", 2)).hasValue(0);
    }

    /// However many names a caller invents.
    @Test
    void whatFailedLongestAgoIsForgottenFirst() {
        assertThat(failed("first", "full", 0)).hasValue(0);
        assertThat(failed("lasting", "full", 0)).hasValue(0);
        for (var i = 0; i < 2000; i++) {
            assertThat(failed("v" + i, "full", 1)).hasValue(0);
            assertThat(failed("lasting", "full", 1)).isEmpty();
        }
        assertThat(failed("first", "full", 2)).hasValue(0);
    }

    private OptionalInt failed(String name, String answer, long nanos) {
        return failures.failed("CreateVolume", name, answer, nanos);
    }
}
