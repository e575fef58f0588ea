package dev.stowage.volume;

import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;

/// Failure case 42.
class CapacityRangePropertyTest {
    @Property
    void theSizeIsAtLeastWhatIsNeededInWholeSectorsAndNeverOverTheLimit(
            @ForAll @LongRange(min = 0, max = 1L << 50) long required,
            @ForAll @LongRange(min = 0, max = 1L << 50) long slack,
            @ForAll @LongRange(min = 1, max = 1L << 30) long minimum) {
        var range = new CapacityRange(required, required == 0 ? 0 : required + slack);
        try {
            var size = range.choose(minimum);
            assertThat(size)
                    .isGreaterThanOrEqualTo(Math.max(required, minimum))
                    .isEqualTo(size / 512 * 512);
            assertThat(range.limitBytes() == 0 || size <= range.limitBytes()).isTrue();
        } catch (VolumeException e) {
            assertThat(e.reason()).isEqualTo(Reason.OUT_OF_RANGE);
            assertThat(range.limitBytes()).isPositive();
        }
    }
}
