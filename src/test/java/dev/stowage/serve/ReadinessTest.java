package dev.stowage.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.pools.PoolState;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.VolumeId;
import java.util.List;
import java.util.TreeMap;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class ReadinessTest {
    private static final PoolId POOL = new PoolId("ssd", new UUID(1, 2));

    private final TreeMap<VolumeId, String> notLimited = new TreeMap<>();

    /// Failure case 81: not in the node's log alone.
    @Test
    void volumesWithoutTheirLimitsAreNamedBesideThePools() {
        var id = VolumeId.of(POOL, "a");
        notLimited.put(id, "limits readIops=100 are not applied: no cgroup v2");
        assertThat(text())
                .isEqualTo(
                        "ready\nssd ok\nvolume %s: limits readIops=100 are not applied: no cgroup v2"
                                .formatted(id));
    }

    @Test
    void ofManyVolumesTheFirstAreNamedAndTheRestCounted() {
        for (var i = 0; i < 250; i++) {
            notLimited.put(VolumeId.of(POOL, "v" + i), "limits are not applied: no cgroup v2");
        }
        assertThat(text().lines()).hasSize(23).last().asString().startsWith("230 more volumes");
    }

    private String text() {
        var pools = List.of(PoolState.present("ssd", List.of()));
        return new Readiness(true, pools, List.of(), notLimited).text();
    }
}
