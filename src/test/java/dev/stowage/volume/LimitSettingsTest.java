package dev.stowage.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LimitSettingsTest {
    private static final long GIB = 1L << 30;

    @Test
    void nothingSaidIsWithoutLimits() {
        assertThat(LimitSettings.NONE.at(GIB)).isEqualTo(Limits.NONE).hasToString("no limits");
    }

    @Test
    void quantitiesAreTaken() {
        var limits =
                new LimitSettings(
                                LimitSettings.fixed(
                                        Map.of(
                                                "readBytesPerSecond", "10Mi",
                                                "writeBytesPerSecond", "1.5M",
                                                "pool", "ssd")),
                                LimitSettings.mutable(Map.of("writeIops", "2k")))
                        .at(GIB);
        assertThat(limits)
                .hasToString(
                        "writeIops=2000,readBytesPerSecond=10485760,writeBytesPerSecond=1500000");
        assertThat(limits.readIops()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "readIops, ''",
        "readIops, 0",
        "readIops, -1",
        "readIops, 4294967295",
        "writeBytesPerSecond, 10", // a unit was forgotten
        "writeBytesPerSecond, 10MB",
        "writeBytesPerSecond, 9999999999P",
    })
    void whatIsNoLimitIsRefusedWithWhatWouldDo(String key, String value) {
        assertThatThrownBy(() -> LimitSettings.mutable(Map.of(key, value)))
                .isInstanceOf(VolumeException.class)
                .hasMessageContaining("%s is '%s': write a number", key, value);
    }

    @ParameterizedTest
    @ValueSource(strings = {"iopsPerGiB", "maxIops", "pool", "readiops"})
    void onlyFourKeysCanChange(String key) {
        assertThatThrownBy(() -> LimitSettings.mutable(Map.of(key, "100")))
                .hasMessageContaining("mutable parameter '%s' is not known", key)
                .hasMessageContaining(
                        "readIops, writeIops, readBytesPerSecond, writeBytesPerSecond");
    }

    /// What is asked for now counts, not what was asked for before it.
    @Test
    void aChangeReplacesTheOneBeforeAndFallsBackToTheClass() {
        var made =
                new LimitSettings(
                        Map.of(LimitKey.READ_IOPS, 100L), Map.of(LimitKey.WRITE_IOPS, 5L));
        var changed = made.withMutable(Map.of(LimitKey.READ_IOPS, 50L));
        assertThat(changed.at(GIB)).hasToString("readIops=50");
        assertThat(changed.withMutable(Map.of()).at(GIB)).hasToString("readIops=100");
    }

    @Test
    void unlimitedLiftsWhatTheClassSays() {
        var lifted =
                new LimitSettings(
                        LimitSettings.fixed(Map.of("readIops", "100", "writeIops", "200")),
                        LimitSettings.mutable(Map.of("readIops", "unlimited")));
        assertThat(lifted.at(GIB)).hasToString("writeIops=200");
    }

    @ParameterizedTest
    @CsvSource({
        "1, 1", // bytes: at least one operation
        "1073741824, 10",
        "1610612736, 15",
        "1073741825, 11",
        "107374182400, 500", // bounded by maxIops
    })
    void iopsGrowWithTheVolumeUpToABound(long bytes, long iops) {
        var settings =
                new LimitSettings(
                        LimitSettings.fixed(Map.of("iopsPerGiB", "10", "maxIops", "500")),
                        Map.of());
        assertThat(settings.at(bytes).readIops()).hasValue(iops);
        assertThat(settings.at(bytes).writeIops()).hasValue(iops);
    }

    @Test
    void iopsWithoutABoundStayWithinWhatTheKernelCounts() {
        var settings = new LimitSettings(Map.of(LimitKey.IOPS_PER_GIB, Limits.MAX_IOPS), Map.of());
        assertThat(settings.at(Long.MAX_VALUE).readIops()).hasValue(Limits.MAX_IOPS);
    }

    @Test
    void whatIsFixedIsStrongerThanWhatGrows() {
        var settings =
                new LimitSettings(
                        Map.of(LimitKey.IOPS_PER_GIB, 10L, LimitKey.READ_IOPS, 3L), Map.of());
        assertThat(settings.at(GIB)).hasToString("readIops=3,writeIops=10");
    }

    @Test
    void aBoundOfNothingIsRefused() {
        assertThatThrownBy(() -> new LimitSettings(Map.of(LimitKey.MAX_IOPS, 5L), Map.of()))
                .hasMessageContaining("iopsPerGiB, which is missing");
    }
}
