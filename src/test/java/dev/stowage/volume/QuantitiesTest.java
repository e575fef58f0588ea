package dev.stowage.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What [Quantities#parse] takes is in QuantityTest.
class QuantitiesTest {
    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "5368709120, 5368709120",
        "100Gi, 107374182400",
        "1.5G, 1500000000",
        "1e9, 1000000000",
        "1E9, 1000000000",
        "12e-1, 2",
        "2E, 2000000000000000000",
        "1Ei, 1152921504606846976",
        "1500m, 2",
        "1u, 1",
        "1n, 1",
        ".5Ki, 512",
        "5., 5",
        "16Ei, 9223372036854775807",
        "1e99, 9223372036854775807"
    })
    void theApisNumbersAreReadAsKubernetesReadsThem(String text, long number) {
        assertThat(Quantities.read(text)).isEqualTo(number);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "-1", "Gi", ".", "1GB", "1e", "1e1000", "1 Gi", "1Gi\n"})
    void whatIsNoneIsRefused(String text) {
        assertThatThrownBy(() -> Quantities.read(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(text);
    }
}
