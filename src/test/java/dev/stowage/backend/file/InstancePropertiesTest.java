package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.volume.NodeId;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.VolumeId;
import java.util.UUID;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/// Names of entries say who made them, whatever the node is called.
final class InstancePropertiesTest {
    private static final PoolId POOL = new PoolId("a-pool", new UUID(1, 2));
    private static final int NAME_MAX = 255;

    @Provide
    Arbitrary<NodeId> nodes() {
        var inner = Arbitraries.strings().withChars("abz019AZ.-_").ofMaxLength(61);
        var end = Arbitraries.chars().with('a', '0', 'Z', 'f');
        return Combinators.combine(end, inner, end)
                .as((first, middle, last) -> new NodeId(first + middle + last));
    }

    @Property
    void everyNameTellsItsMaker(@ForAll("nodes") NodeId node, @ForAll String name) {
        var instance = Instance.begin(node, "0123abcd-0000");
        var nonces = new Nonces(instance);
        var id = VolumeId.of(POOL, name);
        for (var entry : new String[] {nonces.of(id), nonces.temporary(), nonces.probe()}) {
            assertThat(Instance.makerOf(entry)).contains(instance);
            assertThat(entry.length()).isLessThanOrEqualTo(NAME_MAX);
        }
        assertThat(Instance.volumeOf(nonces.of(id))).contains(id);
        assertThat(Instance.volumeOf(nonces.temporary())).isEmpty();
        assertThat(Instance.parse(instance.toString())).contains(instance);
    }

    @Property
    void noOtherNameHasAMaker(@ForAll String entry) {
        assertThat(Instance.makerOf(entry)).isEmpty();
    }
}
