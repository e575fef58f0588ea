package dev.stowage.csi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import csi.v1.NodeGetVolumeStatsRequest;
import csi.v1.NodeGetVolumeStatsResponse;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ReadingsTest {
    private static final NodeGetVolumeStatsResponse DONE =
            NodeGetVolumeStatsResponse.getDefaultInstance();

    private final CountDownLatch thawed = new CountDownLatch(1);
    private final CountDownLatch reading = new CountDownLatch(1);
    private final List<Operations> toClose = new ArrayList<>();
    private final AtomicInteger stuck = new AtomicInteger();
    private final ExecutorService workers = Executors.newCachedThreadPool();

    @AfterEach
    void letEverythingEnd() {
        thawed.countDown();
        workers.close();
        toClose.forEach(Operations::close);
    }

    /// Failure case 21: whichever of its paths is asked for, and however often.
    @Test
    void readingAVolumeThatHangsCostsOneThreadAndIsAborted() throws Exception {
        var operations = closed(new Operations(_ -> Optional.empty(), Duration.ofMillis(50)));
        var _ = workers.submit(() -> operations.read("v", "Stats", request("/pod-a"), this::hang));
        reading.await();
        for (var path : new String[] {"/staging", "/pod-a", "/pod-b", "/pod-a"}) {
            assertThatThrownBy(() -> operations.read("v", "Stats", request(path), this::hang))
                    .isInstanceOf(VolumeException.class)
                    .hasMessageContaining("Stats runs since")
                    .extracting(e -> ((VolumeException) e).reason())
                    .isEqualTo(Reason.BUSY);
        }
        assertThat(stuck).hasValue(1);
        // neither what changes this volume nor what reads another waits for it
        assertThat(operations.run("v", "Unstage", request("/staging"), () -> DONE)).isEqualTo(DONE);
        assertThat(operations.read("w", "Stats", request("/pod-c"), () -> DONE)).isEqualTo(DONE);
    }

    /// Failure case 21: a volume that is well is read through two of its paths, one after another.
    @Test
    void readingsOfOneVolumeWaitForEachOther() throws Exception {
        var operations = closed(new Operations(_ -> Optional.empty(), Duration.ofSeconds(30)));
        var first = workers.submit(() -> operations.read("v", "Stats", request("/a"), this::hang));
        var second = workers.submit(() -> operations.read("v", "Stats", request("/b"), () -> DONE));
        thawed.countDown();
        assertThat(first.get()).isEqualTo(DONE);
        assertThat(second.get()).isEqualTo(DONE);
    }

    private Operations closed(Operations operations) {
        toClose.add(operations);
        return operations;
    }

    private NodeGetVolumeStatsResponse hang() throws InterruptedException {
        stuck.incrementAndGet();
        reading.countDown();
        thawed.await();
        return DONE;
    }

    private static NodeGetVolumeStatsRequest request(String path) {
        return NodeGetVolumeStatsRequest.newBuilder().setVolumeId("v").setVolumePath(path).build();
    }
}
