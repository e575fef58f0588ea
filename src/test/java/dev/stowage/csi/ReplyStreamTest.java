package dev.stowage.csi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.ServerCallStreamObserver;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Answers at the caller's pace. The caller here is one whose every move the test makes.
@ExtendWith(NothingLeftBehind.class)
class ReplyStreamTest {
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private final Call call = new Call();

    private static final class Call extends ServerCallStreamObserver<Integer> {
        private final ConcurrentLinkedQueue<Object> answers = new ConcurrentLinkedQueue<>();
        private volatile Runnable ready = () -> {};
        private volatile Runnable cancel = () -> {};
        private volatile int room;
        private volatile boolean cancelled;

        synchronized void makeRoom(int more) {
            room += more;
        }

        @Override
        public synchronized boolean isReady() {
            return room > 0;
        }

        @Override
        public synchronized void onNext(Integer reply) {
            room--;
            answers.add(reply);
        }

        @Override
        public void onError(Throwable error) {
            answers.add(((StatusException) error).getStatus());
        }

        @Override
        public void onCompleted() {
            answers.add("completed");
        }

        @Override
        public boolean isCancelled() {
            return cancelled;
        }

        @Override
        public void setOnCancelHandler(Runnable handler) {
            cancel = handler;
        }

        @Override
        public void setOnReadyHandler(Runnable handler) {
            ready = handler;
        }

        @Override
        public void setCompression(String compression) {}

        @Override
        public void disableAutoInboundFlowControl() {}

        @Override
        public void request(int count) {}

        @Override
        public void setMessageCompression(boolean enable) {}
    }

    /// Sends 0, 1, 2 on a thread of its own.
    private Thread sending(Duration patience) {
        return Thread.ofPlatform()
                .start(
                        () ->
                                new ReplyStream<>(call, patience)
                                        .of(
                                                replies -> {
                                                    for (var i = 0; i < 3; i++) {
                                                        replies.send(i);
                                                    }
                                                }));
    }

    private void awaitAnswers(int count) throws Exception {
        Polling.await(count + " answers", LIMIT, () -> call.answers.size() == count);
    }

    @Test
    void nothingIsSentThatThereIsNoRoomFor() throws Exception {
        call.makeRoom(1);
        var sender = sending(LIMIT);
        awaitAnswers(1);
        Polling.await("it waits", LIMIT, () -> sender.getState() == Thread.State.TIMED_WAITING);
        assertThat(call.answers).containsExactly(0);
        call.makeRoom(1);
        call.ready.run();
        awaitAnswers(2);
        call.makeRoom(1); // and nobody says so
        awaitAnswers(4);
        assertThat(call.answers).containsExactly(0, 1, 2, "completed");
        sender.join();
    }

    @Test
    void aCallerThatGivesUpEndsTheWork() throws Exception {
        call.makeRoom(1);
        var sender = sending(LIMIT);
        awaitAnswers(1);
        call.cancelled = true;
        call.cancel.run();
        awaitAnswers(2);
        assertThat(List.copyOf(call.answers).getLast())
                .isInstanceOfSatisfying(
                        Status.class,
                        s -> assertThat(s.getCode()).isEqualTo(Status.Code.CANCELLED));
        sender.join();
    }

    @Test
    void aCallerThatTakesNothingIsGivenUpInTheEnd() throws Exception {
        var sender = sending(Duration.ofMillis(1));
        awaitAnswers(1);
        assertThat(List.copyOf(call.answers).getLast())
                .isInstanceOfSatisfying(
                        Status.class,
                        s -> {
                            assertThat(s.getCode()).isEqualTo(Status.Code.ABORTED);
                            assertThat(s.getDescription()).contains("took nothing");
                        });
        sender.join();
    }

    @Test
    void whatGoesWrongEndsTheStreamWithItsStatus() {
        call.makeRoom(3);
        new ReplyStream<>(call, LIMIT)
                .of(
                        replies -> {
                            replies.send(7);
                            throw Requests.invalid("what a test may say");
                        });
        assertThat(call.answers).hasSize(2).first().isEqualTo(7);
        assertThat(((Status) call.answers.stream().toList().getLast()).getCode())
                .isEqualTo(Status.Code.INVALID_ARGUMENT);
    }
}
