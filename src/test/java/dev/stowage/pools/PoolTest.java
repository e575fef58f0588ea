package dev.stowage.pools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.spi.Backend;
import dev.stowage.spi.PoolSource;
import dev.stowage.volume.Condition;
import dev.stowage.volume.Fault;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/// Failure case 33: a sick pool is sick alone.
class PoolTest {
    private static final PoolDefaults DEFAULTS =
            new PoolDefaults(FileSystemType.EXT4, Provisioning.THICK);
    private static final PoolId KNOWN =
            new PoolId("hdd", UUID.fromString("0123abcd-0000-4000-8000-000000000001"));

    private final AtomicInteger tries = new AtomicInteger();

    @Test
    void theVolumesOfASickPoolAreUnavailableWithTheReason() {
        try (var pools =
                new Pools(List.of(sick("hdd", Optional.of(KNOWN.tag()))), Optional.of("hdd"))) {
            assertThatThrownBy(() -> pools.holding(VolumeId.of(KNOWN, "data")))
                    .hasMessage("the disk is gone: mount it")
                    .extracting(e -> ((VolumeException) e).reason())
                    .isEqualTo(Reason.UNAVAILABLE);
        }
    }

    @Test
    void theVolumesOfAPoolThatIsNotHereAreRefusedByName() {
        try (var pools =
                new Pools(List.of(sick("hdd", Optional.of("ffffffff"))), Optional.of("hdd"))) {
            assertThatThrownBy(() -> pools.holding(VolumeId.of(KNOWN, "data")))
                    .hasMessageContaining("hdd (0123abcd), which is not here")
                    .extracting(e -> ((VolumeException) e).reason())
                    .isEqualTo(Reason.FAILED_PRECONDITION);
        }
    }

    @Test
    void aPoolThatWasOpenBeforeIsNotAskedWhetherItOwnsAVolume() {
        try (var pool = sick("hdd", Optional.of(KNOWN.tag()))) {
            assertThat(pool.owns(VolumeId.of(KNOWN, "data"))).isTrue();
            assertThat(tries).hasValue(0);
        }
    }

    @Test
    void aSickPoolIsNotTriedAgainOnEveryCall() {
        try (var pool = sick("hdd", Optional.empty())) {
            for (var i = 0; i < 100; i++) {
                assertThat(pool.state().conditions())
                        .containsExactly(
                                new Condition(
                                        Fault.POOL_UNAVAILABLE, "the disk is gone: mount it"));
            }
            assertThat(tries).hasValueLessThan(3);
        }
    }

    /// Else its callers would wait for an end that never comes.
    @Test
    void aPoolWhoseOpeningEndsWithAnErrorIsSick() {
        PoolSource broken =
                new PoolSource() {
                    @Override
                    public Optional<String> knownTag() {
                        return Optional.empty();
                    }

                    @Override
                    public Backend open() {
                        throw new NoClassDefFoundError("missing");
                    }
                };
        try (var pool = new Pool("hdd", DEFAULTS, broken)) {
            assertThat(pool.state().conditions())
                    .singleElement()
                    .satisfies(
                            condition ->
                                    assertThat(condition.message())
                                            .startsWith("pool hdd can't be opened: missing"));
        }
    }

    @Test
    void anUnknownPoolIsRefusedWithTheKnownOnes() {
        try (var pools = new Pools(List.of(sick("hdd", Optional.empty())), Optional.empty())) {
            assertThatThrownBy(() -> pools.named(Optional.of("nvme")))
                    .hasMessageContaining("use one of hdd");
            assertThatThrownBy(() -> pools.named(Optional.empty()))
                    .hasMessageContaining("set parameter 'pool'");
        }
    }

    private Pool sick(String name, Optional<String> tag) {
        return new Pool(
                name,
                DEFAULTS,
                new PoolSource() {
                    @Override
                    public Optional<String> knownTag() {
                        return tag;
                    }

                    @Override
                    public Backend open() throws IOException {
                        tries.incrementAndGet();
                        throw new VolumeException(Reason.UNAVAILABLE, "the disk is gone: mount it");
                    }
                });
    }
}
