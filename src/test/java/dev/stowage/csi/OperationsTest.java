package dev.stowage.csi;

import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.NodeGetVolumeStatsRequest;
import csi.v1.NodeGetVolumeStatsResponse;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.StreamObserver;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class OperationsTest {
    private static final NodeGetVolumeStatsRequest REQUEST =
            NodeGetVolumeStatsRequest.getDefaultInstance();
    private static final NodeGetVolumeStatsResponse DONE =
            NodeGetVolumeStatsResponse.getDefaultInstance();

    private final BlockingQueue<Object> answers = new LinkedBlockingQueue<>();

    /// Failure case 21: a caller of something that hangs is answered, and once.
    @Test
    void aCallerIsAnsweredInTimeThoughTheWorkGoesOn() throws Exception {
        var mayEnd = new CountDownLatch(1);
        var ended = new CountDownLatch(1);
        try (var operations = new Operations(_ -> Optional.empty());
                var caller = Executors.newSingleThreadExecutor();
                var clock = Executors.newScheduledThreadPool(1);
                var context =
                        Context.current().withDeadlineAfter(350, TimeUnit.MILLISECONDS, clock)) {
            caller.execute(
                    context.wrap(
                            () ->
                                    operations.answer(
                                            observer(),
                                            () ->
                                                    operations.run(
                                                            "v",
                                                            "Delete",
                                                            REQUEST,
                                                            () -> {
                                                                mayEnd.await();
                                                                ended.countDown();
                                                                return DONE;
                                                            }))));
            var answer = answers.take();
            assertThat(((StatusException) answer).getStatus().getCode())
                    .isEqualTo(Status.Code.ABORTED);
            assertThat((StatusException) answer).hasMessageContaining("a retry joins it");
            mayEnd.countDown();
            ended.await();
        }
        assertThat(answers).isEmpty();
    }

    @Test
    void whatFailsUnexpectedlyIsInternal() {
        try (var operations = new Operations(_ -> Optional.empty())) {
            operations.answer(
                    observer(),
                    () -> {
                        throw new IllegalStateException("a bug");
                    });
        }
        var status = ((StatusException) answers.remove()).getStatus();
        assertThat(status.getCode()).isEqualTo(Status.Code.INTERNAL);
        assertThat(status.getDescription()).contains("a bug").contains("log");
    }

    @Test
    void whatIsReadyInTimeIsAnsweredOnce() {
        try (var operations = new Operations(_ -> Optional.empty())) {
            operations.answer(
                    observer(), () -> operations.read("path", "Stats", REQUEST, () -> DONE));
        }
        assertThat(answers).containsExactly(DONE, "completed");
    }

    private StreamObserver<NodeGetVolumeStatsResponse> observer() {
        return new StreamObserver<>() {
            @Override
            public void onNext(NodeGetVolumeStatsResponse reply) {
                answers.add(reply);
            }

            @Override
            public void onError(Throwable error) {
                answers.add(error);
            }

            @Override
            public void onCompleted() {
                answers.add("completed");
            }
        };
    }
}
