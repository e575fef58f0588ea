package dev.stowage.csi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import csi.v1.DeleteVolumeRequest;
import csi.v1.DeleteVolumeResponse;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class InFlightTest {
    private static final DeleteVolumeResponse DONE = DeleteVolumeResponse.getDefaultInstance();
    private static final DeleteVolumeRequest A =
            DeleteVolumeRequest.newBuilder().setVolumeId("a").build();
    private static final DeleteVolumeRequest B =
            DeleteVolumeRequest.newBuilder().setVolumeId("b").build();

    private final ExecutorService callers = Executors.newCachedThreadPool();
    private final CountDownLatch started = new CountDownLatch(1);
    private final CountDownLatch mayEnd = new CountDownLatch(1);
    private final AtomicInteger runs = new AtomicInteger();

    @AfterEach
    void letEverythingEnd() {
        mayEnd.countDown();
        callers.close();
    }

    /// Failure cases 35 and 37.
    @Test
    void equalRequestsRunOnceAndAllGetTheAnswer() throws Exception {
        var inFlight = inFlight(Duration.ofSeconds(30), Duration.ofSeconds(30));
        var answers = new ArrayList<Future<DeleteVolumeResponse>>();
        answers.add(callers.submit(() -> inFlight.run("v", "Delete", A, this::held)));
        started.await();
        for (var i = 0; i < 49; i++) {
            answers.add(callers.submit(() -> inFlight.run("v", "Delete", A, this::held)));
        }
        mayEnd.countDown();
        for (var answer : answers) {
            assertThat(answer.get()).isEqualTo(DONE);
        }
        // Requests that came after the first run had ended may have made one of their own.
        assertThat(runs.get()).isBetween(1, 49);
    }

    @Test
    void anotherRequestIsToldWhatRunsAndForHowLong() throws Exception {
        var inFlight = inFlight(Duration.ofMillis(20), Duration.ofSeconds(30));
        var first = callers.submit(() -> inFlight.run("v", "Delete", A, this::held));
        started.await();
        assertThatThrownBy(() -> inFlight.run("v", "Delete", B, () -> DONE))
                .isInstanceOf(VolumeException.class)
                .hasMessageMatching(
                        "Delete must wait: on volume v Delete runs since \\d+\\.\\d{3} s; retry")
                .extracting(e -> ((VolumeException) e).reason())
                .isEqualTo(Reason.BUSY);
        mayEnd.countDown();
        assertThat(first.get()).isEqualTo(DONE);
        assertThat(inFlight.run("v", "Delete", B, () -> DONE)).isEqualTo(DONE);
    }

    @Test
    void anotherRequestWaitsAMomentForTheOneThatRuns() throws Exception {
        var inFlight = inFlight(Duration.ofSeconds(30), Duration.ofSeconds(30));
        var first = callers.submit(() -> inFlight.run("v", "Delete", A, this::held));
        started.await();
        var second = callers.submit(() -> inFlight.run("v", "Delete", B, () -> DONE));
        mayEnd.countDown();
        assertThat(first.get()).isEqualTo(DONE);
        assertThat(second.get()).isEqualTo(DONE);
    }

    @Test
    void volumesDoNotWaitForEachOther() throws Exception {
        var inFlight = inFlight(Duration.ZERO, Duration.ofSeconds(30));
        var first = callers.submit(() -> inFlight.run("v", "Delete", A, this::held));
        started.await();
        assertThat(inFlight.run("w", "Delete", B, () -> DONE)).isEqualTo(DONE);
        mayEnd.countDown();
        first.get();
    }

    /// Failure case 37: the work goes on and the retry joins it.
    @Test
    void aRetryThatWaitsTooLongIsToldSoAndTheNextOneFindsTheWorkDone() throws Exception {
        var inFlight = inFlight(Duration.ofSeconds(30), Duration.ofMillis(20));
        var first = callers.submit(() -> inFlight.run("v", "Delete", A, this::held));
        started.await();
        assertThatThrownBy(() -> inFlight.run("v", "Delete", A, this::held))
                .isInstanceOf(VolumeException.class)
                .hasMessageContaining("a retry joins it");
        var retry = callers.submit(() -> retried(inFlight));
        mayEnd.countDown();
        assertThat(first.get()).isEqualTo(DONE);
        assertThat(retry.get()).isEqualTo(DONE);
        assertThat(runs).hasValue(1);
    }

    private DeleteVolumeResponse retried(InFlight inFlight) throws Exception {
        while (true) {
            try {
                return inFlight.run("v", "Delete", A, () -> DONE);
            } catch (VolumeException e) {
                assertThat(e.reason()).isEqualTo(Reason.BUSY);
            }
        }
    }

    @Test
    void aFailureReachesTheCallerAndTheNextTryStartsAfresh() throws Exception {
        var inFlight = inFlight(Duration.ZERO, Duration.ofSeconds(30));
        Callable<DeleteVolumeResponse> failing =
                () -> {
                    throw new IOException("disk on fire");
                };
        assertThatThrownBy(() -> inFlight.run("v", "Delete", A, failing))
                .hasMessage("disk on fire");
        assertThat(inFlight.run("v", "Delete", A, () -> DONE)).isEqualTo(DONE);
    }

    private InFlight inFlight(Duration patience, Duration replyLimit) {
        return new InFlight(patience, replyLimit);
    }

    private DeleteVolumeResponse held() throws InterruptedException {
        runs.incrementAndGet();
        started.countDown();
        mayEnd.await();
        return DONE;
    }
}
