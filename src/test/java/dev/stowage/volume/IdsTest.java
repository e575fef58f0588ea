package dev.stowage.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IdsTest {
    /// Failure case 39.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "../../etc",
                "ssd.0123abcd.v../../../../../../etc/passwd0000000",
                "ssd.0123abcd.s0123456789abcdef0123456789abcdef",
                "ssd.0123abcd.v0123456789ABCDEF0123456789ABCDEF",
                "ssd.0123abcd.v0123456789abcdef0123456789abcdef\n",
                "-ssd.0123abcd.v0123456789abcdef0123456789abcdef",
                "größe.0123abcd.v0123456789abcdef0123456789abcdef",
            })
    void whatIsNotOfTheGrammarIsNoId(String text) {
        assertThat(VolumeId.parse(text)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "-a",
                "a-",
                "A",
                "a.b",
                "a_b",
                "a/b",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            })
    void otherPoolNamesAreRefused(String name) {
        assertThatThrownBy(() -> PoolId.requireName(name)).isInstanceOf(VolumeException.class);
    }

    @Test
    void aLongNodeNameKeepsItsBeginningAndStaysDistinct() {
        var one = NodeId.of("n".repeat(63) + ".example.org");
        var other = NodeId.of("n".repeat(63) + ".example.com");
        assertThat(one.value()).hasSize(63).startsWith("n".repeat(46) + "-");
        assertThat(one).isNotEqualTo(other).isEqualTo(NodeId.of("n".repeat(63) + ".example.org"));
        assertThat(NodeId.of("n1.example.org").value()).isEqualTo("n1.example.org");
    }

    /// A node id is a file name in a pool.
    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", ".hidden", "a/b", "a b", "a-"})
    void whatCanNotBeALabelIsNoNodeId(String text) {
        assertThatThrownBy(() -> new NodeId(text)).isInstanceOf(VolumeException.class);
    }
}
