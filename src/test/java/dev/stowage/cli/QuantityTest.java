package dev.stowage.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.volume.Quantities;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class QuantityTest {
    @ParameterizedTest
    @CsvSource({
        "1, 1", "4096, 4096", "1Ki, 1024", "300Mi, 314572800", "1Gi, 1073741824",
        "1.5Gi, 1610612736", "2Ti, 2199023255552", "1k, 1000", "1M, 1000000", "2G, 2000000000",
        "1.5k, 1500", "7Pi, 7881299347898368"
    })
    void sizesAreReadAsKubernetesWritesThem(String text, long bytes) {
        assertThat(Quantity.parse(text).bytes()).isEqualTo(bytes);
    }

    @ParameterizedTest
    @CsvSource({"0.5, 1", "1.0001k, 1001"})
    void partsOfAByteAreRoundedUp(String text, long bytes) {
        assertThat(Quantity.parse(text).bytes()).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "Gi", "1 Gi", "-1Gi", "1GB", "1gi", "1e3", ".5Gi", "1Gi\n", "x"})
    void whatIsNoSizeIsRefusedWithAnExample(String text) {
        assertThatThrownBy(() -> Quantity.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("as in 1Gi");
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "0Gi", "8192Pi", "99999999999999999999"})
    void nothingAndMoreThanALongAreRefused(String text) {
        assertThatThrownBy(() -> Quantity.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(text);
    }

    @ParameterizedTest
    @CsvSource({
        "1, 1 bytes",
        "1023, 1023 bytes",
        "1024, 1 KiB",
        "314572800, 300 MiB",
        "1610612736, 1.5 GiB",
        "9223372036854775807, 8192 PiB"
    })
    void sizesAreShownInTheUnitThatFits(long bytes, String text) {
        assertThat(Quantities.text(bytes)).isEqualTo(text);
    }
}
