package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.ControllerGetVolumeRequest;
import csi.v1.ControllerPublishVolumeRequest;
import csi.v1.ControllerUnpublishVolumeRequest;
import dev.stowage.client.CsiClient;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.ServeProcess;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Failure case 34, with two whole processes on one pool folder.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class TwoDriversTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir(factory = TestFolder.class)
    private Path folder;

    @Test
    void theSecondDriverOfAPoolIsRefusedUntilTheFirstEnds() throws Exception {
        var yaml = "attach: false\npools: {ssd: {type: file, path: %s/ssd}}\n".formatted(folder);
        var request = TestDriver.createRequest("data");
        try (var first = ServeProcess.start(folder, "n1", yaml);
                var ofFirst = new CsiClient(first.socket())) {
            first.awaitReady();
            var made = ofFirst.controller().createVolume(request);
            try (var second = ServeProcess.start(folder, "n2", yaml);
                    var ofSecond = new CsiClient(second.socket())) {
                second.awaitReady();
                var refused = TestDriver.refusal(() -> ofSecond.controller().createVolume(request));
                assertThat(refused.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
                assertThat(refused.getDescription()).contains(".lock is locked by driver n1.");
                assertThat(ofFirst.controller().createVolume(request)).isEqualTo(made);
                first.kill();
                assertThat(awaitVolume(() -> ofSecond.controller().createVolume(request)))
                        .extracting(reply -> reply.getVolume().getVolumeId())
                        .isEqualTo(made.getVolume().getVolumeId());
            }
        }
    }

    @Test
    void ofTwoControllersThatAttachAtTheSameInstantOneWins() throws Exception {
        var yaml =
                "attach: true\npools: {ssd: {type: file, path: %s/ssd, shared: true}}\n"
                        .formatted(folder);
        try (var first = ServeProcess.start(folder, "n1", yaml);
                var second = ServeProcess.start(folder, "n2", yaml);
                var ofFirst = new CsiClient(first.socket());
                var ofSecond = new CsiClient(second.socket());
                var threads = Executors.newFixedThreadPool(2)) {
            first.awaitReady();
            second.awaitReady();
            var id =
                    ofFirst.controller()
                            .createVolume(TestDriver.createRequest("data"))
                            .getVolume()
                            .getVolumeId();
            for (var round = 0; round < 20; round++) {
                var start = new CyclicBarrier(2);
                var answers =
                        List.of(
                                threads.submit(() -> attach(start, ofFirst, id, "n1")),
                                threads.submit(() -> attach(start, ofSecond, id, "n2")));
                assertThat(codes(answers))
                        .containsExactlyInAnyOrder(Status.Code.OK, Status.Code.FAILED_PRECONDITION);
                var winner = answers.getFirst().get() == Status.Code.OK ? "n1" : "n2";
                for (var client : List.of(ofFirst, ofSecond)) {
                    assertThat(holders(client, id)).containsExactly(winner);
                }
                var _ =
                        ofSecond.controller()
                                .controllerUnpublishVolume(
                                        ControllerUnpublishVolumeRequest.newBuilder()
                                                .setVolumeId(id)
                                                .build());
            }
        }
    }

    private static <T> T awaitVolume(Callable<T> call) throws Exception {
        var end = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            try {
                return call.call();
            } catch (StatusRuntimeException e) {
                // a refused pool is tried again after some seconds
                assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
                assertThat(System.nanoTime()).as("the pool is free by now").isLessThan(end);
            }
        }
    }

    private static Status.Code attach(CyclicBarrier start, CsiClient client, String id, String node)
            throws Exception {
        start.await();
        try {
            var _ =
                    client.controller()
                            .controllerPublishVolume(
                                    ControllerPublishVolumeRequest.newBuilder()
                                            .setVolumeId(id)
                                            .setNodeId(node)
                                            .setVolumeCapability(
                                                    TestDriver.mount(SINGLE_NODE_WRITER))
                                            .build());
            return Status.Code.OK;
        } catch (StatusRuntimeException e) {
            return e.getStatus().getCode();
        }
    }

    private static List<Status.Code> codes(List<Future<Status.Code>> answers) throws Exception {
        var codes = new ArrayList<Status.Code>();
        for (var answer : answers) {
            codes.add(answer.get());
        }
        return codes;
    }

    private static List<String> holders(CsiClient client, String id) {
        return client.controller()
                .controllerGetVolume(
                        ControllerGetVolumeRequest.newBuilder().setVolumeId(id).build())
                .getStatus()
                .getPublishedNodeIdsList();
    }
}
