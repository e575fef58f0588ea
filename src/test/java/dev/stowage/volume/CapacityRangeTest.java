package dev.stowage.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

/// Failure case 42.
class CapacityRangeTest {
    private static final long MIB = 1 << 20;

    @Test
    void nothingSaidGivesTheDefault() {
        assertThat(new CapacityRange(0, 0).choose(1)).isEqualTo(CapacityRange.DEFAULT_BYTES);
        assertThat(new CapacityRange(0, 10 * MIB).choose(1)).isEqualTo(10 * MIB);
    }

    @Test
    void roundsToMebibytesWhereTheLimitLeavesRoom() {
        assertThat(CapacityRange.atLeast(MIB + 1).choose(1)).isEqualTo(2 * MIB);
        assertThat(new CapacityRange(1_000_000_000, 1_000_000_000).choose(1))
                .isEqualTo(1_000_000_000);
        assertThat(new CapacityRange(4097, 8192).choose(1)).isEqualTo(8192);
    }

    @Test
    void aLimitUnderWhatIsNeededIsOutOfRange() {
        assertThatThrownBy(
                        () ->
                                new CapacityRange(1, 299 * MIB)
                                        .choose(FileSystemType.XFS.minimumBytes()))
                .isInstanceOf(VolumeException.class)
                .extracting(e -> ((VolumeException) e).reason())
                .isEqualTo(Reason.OUT_OF_RANGE);
        assertThatThrownBy(() -> new CapacityRange(513, 1023).choose(1))
                .isInstanceOf(VolumeException.class);
    }

    @Test
    void anEnormousSizeIsOutOfRangeAndDoesNotOverflow() {
        assertThatThrownBy(() -> CapacityRange.atLeast(Long.MAX_VALUE).choose(1))
                .isInstanceOf(VolumeException.class);
    }

    @Test
    void aRangeThatContradictsItselfIsInvalid() {
        for (var range : new long[][] {{-1, 0}, {0, -1}, {2, 1}}) {
            assertThatThrownBy(() -> new CapacityRange(range[0], range[1]))
                    .isInstanceOf(VolumeException.class)
                    .extracting(e -> ((VolumeException) e).reason())
                    .isEqualTo(Reason.INVALID);
        }
    }
}
