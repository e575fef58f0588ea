package dev.stowage.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.config.ConfigException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ListenAddressTest {
    @Test
    void aPortAloneIsEveryAddress() {
        var address = ListenAddress.parse(":9808");
        assertThat(address.getPort()).isEqualTo(9808);
        assertThat(address.getAddress().isAnyLocalAddress()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1:9808", "[::1]:9808"})
    void anAddressIsThatAlone(String text) {
        var address = ListenAddress.parse(text);
        assertThat(address.getPort()).isEqualTo(9808);
        assertThat(address.getAddress().isLoopbackAddress()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "9808", ":", ":http", ":65536", ":999999", "300.0.0.1:9808", ":-1"})
    void anythingElseIsRefusedWithAnExample(String text) {
        assertThatThrownBy(() -> ListenAddress.parse(text))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining(":9808");
    }
}
