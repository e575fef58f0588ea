package dev.stowage.volume;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.UUID;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class IdsPropertyTest {
    private static final PoolId POOL =
            new PoolId("ssd", UUID.fromString("0123abcd-0000-4000-8000-000000000001"));

    @Property
    void theSameNameAlwaysGivesTheSameIdAndItIsReadBack(@ForAll String name) {
        var id = VolumeId.of(POOL, name);
        assertThat(VolumeId.of(POOL, name)).isEqualTo(id);
        assertThat(VolumeId.parse(id.toString())).contains(id);
        assertThat(id.toString()).startsWith("ssd.0123abcd.v").hasSizeLessThanOrEqualTo(83);
    }

    /// Failure case 41.
    @Property
    void namesThatDifferInAnyLetterGetDifferentIds(@ForAll String one, @ForAll String other) {
        if (!one.equals(other)) {
            assertThat(VolumeId.of(POOL, one)).isNotEqualTo(VolumeId.of(POOL, other));
        }
        assertThat(VolumeId.of(POOL, "Data")).isNotEqualTo(VolumeId.of(POOL, "data"));
    }

    @Provide
    Arbitrary<String> poolNames() {
        return Arbitraries.strings().withChars("abz09").ofMinLength(1).ofMaxLength(40);
    }

    @Property
    void poolNamesOfTheGrammarAreTaken(@ForAll("poolNames") String name) {
        assertThat(PoolId.requireName(name)).isEqualTo(name);
    }
}
