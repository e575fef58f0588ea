package dev.stowage.lab;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class StopwatchTest {
    private final Stopwatch watch = new Stopwatch();

    @Test
    void theMedianOfAnOddNumberIsTheMiddle() {
        for (var millis : new int[] {9, 1, 5}) {
            watch.add("step", millis * 1_000_000L);
        }
        assertThat(watch.millis("step", 0.5)).isEqualTo(5);
        assertThat(watch.millis("step", 0.99)).isEqualTo(9);
    }

    @Test
    void oneInAHundredIsNotThe99thPercentile() {
        for (var millis = 1; millis <= 100; millis++) {
            watch.add("step", millis * 1_000_000L);
        }
        assertThat(watch.millis("step", 0.99)).isEqualTo(99);
    }

    @Test
    void stepsOfSeveralWatchesAreCountedTogether() {
        var other = new Stopwatch();
        other.add("step", 2_000_000);
        watch.add("step", 1_000_000);
        watch.addAll(other);
        assertThat(watch.millis("step", 1)).isEqualTo(2);
        assertThat(watch.steps()).containsExactly("step");
    }
}
