package dev.stowage.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.pools.Pool;
import dev.stowage.pools.PoolDefaults;
import dev.stowage.spi.Backend;
import dev.stowage.spi.PoolSource;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.volume.Condition;
import dev.stowage.volume.Fault;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NothingLeftBehind.class)
class PoolStatesTest {
    /// Failure case 21, for a pool's own disk.
    @Test
    void aPoolThatHangsIsNamedAndCostsOneThreadAndNobodyElse() {
        var released = new CountDownLatch(1);
        var opened = new AtomicInteger();
        var hanging =
                pool(
                        "hdd",
                        () -> {
                            opened.incrementAndGet();
                            released.await();
                        });
        var missing = pool("ssd", () -> {});
        try (var states = new PoolStates(List.of(hanging, missing))) {
            for (var time = 0; time < 3; time++) {
                assertThat(states.read(Duration.ofMillis(200)))
                        .satisfiesExactly(
                                hdd ->
                                        assertThat(hdd.conditions())
                                                .singleElement()
                                                .satisfies(PoolStatesTest::isSilence),
                                ssd -> assertThat(ssd.absence()).contains("its disk is not here"));
            }
            assertThat(opened).hasValue(1);
            released.countDown();
            assertThat(states.read(Duration.ofSeconds(30)).getFirst().absence())
                    .contains("its disk is not here");
        } finally {
            released.countDown();
        }
    }

    private static void isSilence(Condition condition) {
        assertThat(condition.fault()).isEqualTo(Fault.POOL_NOT_ANSWERING);
        assertThat(condition.message()).startsWith("pool hdd has not answered for");
    }

    private interface Disk {
        void access() throws InterruptedException;
    }

    /// A pool that is not on this machine, which is found out after the disk was asked.
    private static Pool pool(String name, Disk disk) {
        var source =
                new PoolSource() {
                    @Override
                    public Optional<String> knownTag() {
                        return Optional.empty();
                    }

                    @Override
                    public Backend open() throws IOException {
                        try {
                            disk.access();
                        } catch (InterruptedException e) {
                            throw new IOException(e);
                        }
                        throw new VolumeException(Reason.NO_SPACE, "its disk is not here");
                    }
                };
        return new Pool(name, new PoolDefaults(FileSystemType.EXT4, Provisioning.THICK), source);
    }
}
