package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_MULTI_WRITER;
import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static dev.stowage.testing.TestDriver.NODE;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.CapacityRange;
import csi.v1.CreateVolumeRequest;
import csi.v1.ListVolumesRequest;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Callers that do not wait for each other.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class RaceDriverTest {
    @TempDir(factory = TestFolder.class)
    private Path folder;

    /// Failure case 16: equal and different publishes and an unpublish of one target at once.
    @Test
    void racesOnATargetEndWithOneMountOrNone() throws Exception {
        try (var driver = TestDriver.local(folder, NODE)) {
            var id = driver.create("data");
            driver.stage(id, Map.of(), SINGLE_NODE_MULTI_WRITER);
            for (var round = 0; round < 15; round++) {
                var codes =
                        atOnce(
                                List.of(
                                        publish(driver, id, false),
                                        publish(driver, id, false),
                                        publish(driver, id, true),
                                        unpublish(driver, id),
                                        publish(driver, id, false),
                                        unpublish(driver, id)));
                assertThat(mountsOf("target")).as("%s", codes).hasSizeLessThanOrEqualTo(1);
                assertThat(codes)
                        .isSubsetOf(
                                Status.Code.OK, Status.Code.ABORTED, Status.Code.ALREADY_EXISTS);
                driver.unpublish(id, "target");
                assertThat(mountsOf("target")).isEmpty();
                assertThat(folder.resolve("target")).doesNotExist();
            }
            driver.unstage(id);
        }
    }

    /// Failure cases 15 and 16: the kubelet and its restarted self stage and unstage at once.
    @Test
    void racesOfStageAndUnstageEndStagedOrNot() throws Exception {
        try (var driver = TestDriver.local(folder, NODE)) {
            var id = driver.create("data");
            for (var round = 0; round < 10; round++) {
                var codes =
                        atOnce(
                                List.of(
                                        () -> driver.stage(id, Map.of(), SINGLE_NODE_WRITER),
                                        unstage(driver, id),
                                        () -> driver.stage(id, Map.of(), SINGLE_NODE_WRITER),
                                        unstage(driver, id)));
                assertThat(codes).isSubsetOf(Status.Code.OK, Status.Code.ABORTED);
                assertThat(mountsOf(driver.staging(id).getFileName().toString()))
                        .hasSizeLessThanOrEqualTo(1);
                driver.unstage(id);
            }
            driver.delete(id);
        }
    }

    /// Failure case 35.
    @Test
    void ofCreatesOfOneNameInDifferentSizesOneWins() throws Exception {
        try (var driver = TestDriver.central(folder, NODE)) {
            var calls = new ArrayList<Callable<?>>();
            for (var i = 0; i < 20; i++) {
                var request = create((i % 2 + 1) * 32 * TestDriver.MIB);
                calls.add(() -> driver.controller().createVolume(request));
            }
            assertThat(atOnce(calls))
                    .contains(Status.Code.OK)
                    .isSubsetOf(Status.Code.OK, Status.Code.ALREADY_EXISTS, Status.Code.ABORTED);
            var listed = driver.controller().listVolumes(ListVolumesRequest.getDefaultInstance());
            assertThat(listed.getEntriesList()).hasSize(1);
        }
    }

    private static CreateVolumeRequest create(long bytes) {
        return TestDriver.createRequest("same").toBuilder()
                .setCapacityRange(
                        CapacityRange.newBuilder().setRequiredBytes(bytes).setLimitBytes(bytes))
                .build();
    }

    private static Callable<?> publish(TestDriver driver, String id, boolean readOnly) {
        return () -> driver.publish(id, Map.of(), "target", SINGLE_NODE_MULTI_WRITER, readOnly);
    }

    private static Callable<?> unpublish(TestDriver driver, String id) {
        return () -> {
            driver.unpublish(id, "target");
            return id;
        };
    }

    private static Callable<?> unstage(TestDriver driver, String id) {
        return () -> {
            driver.unstage(id);
            return id;
        };
    }

    private static List<Status.Code> atOnce(List<Callable<?>> calls) throws Exception {
        var codes = new ArrayList<Status.Code>();
        try (var threads = Executors.newFixedThreadPool(calls.size())) {
            var answers = threads.invokeAll(calls.stream().map(RaceDriverTest::code).toList());
            for (var answer : answers) {
                codes.add(answer.get());
            }
        }
        return codes;
    }

    private static Callable<Status.Code> code(Callable<?> call) {
        return () -> {
            try {
                call.call();
                return Status.Code.OK;
            } catch (StatusRuntimeException e) {
                return e.getStatus().getCode();
            }
        };
    }

    private List<String> mountsOf(String name) throws Exception {
        return Files.readAllLines(Path.of("/proc/self/mountinfo"), ISO_8859_1).stream()
                .filter(line -> line.contains(" " + folder.resolve(name) + " "))
                .toList();
    }
}
