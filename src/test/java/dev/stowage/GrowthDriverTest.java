package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static dev.stowage.testing.TestDriver.MIB;
import static dev.stowage.testing.TestDriver.NODE;
import static dev.stowage.testing.TestDriver.refusal;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import csi.v1.CapacityRange;
import csi.v1.ControllerExpandVolumeRequest;
import csi.v1.ControllerExpandVolumeResponse;
import csi.v1.CreateVolumeRequest;
import csi.v1.NodeExpandVolumeRequest;
import csi.v1.NodeExpandVolumeResponse;
import csi.v1.NodeGetVolumeStatsRequest;
import csi.v1.NodePublishVolumeRequest;
import csi.v1.NodeUnpublishVolumeRequest;
import csi.v1.VolumeContentSource;
import dev.stowage.linux.Command;
import dev.stowage.linux.Linux;
import dev.stowage.linux.Mounts;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Failure case 30, as the resizer and the kubelet see it.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class GrowthDriverTest {
    private static final long SIZE = 320 * MIB;

    @TempDir(factory = TestFolder.class)
    private Path folder;

    @Test
    void aVolumeGrowsThroughControllerAndNode() throws Exception {
        try (var driver = TestDriver.central(folder, NODE)) {
            var id = create(driver);
            var context = driver.attach(id, NODE, SINGLE_NODE_WRITER);
            var staging = driver.stage(id, context, SINGLE_NODE_WRITER);
            assertThat(total(driver, id, staging)).isLessThan(SIZE);
            assertThat(code(() -> onNode(driver, id, staging, 2 * SIZE, 0)))
                    .as("before the controller")
                    .isEqualTo(Status.Code.FAILED_PRECONDITION);
            var grown = atController(driver, id, 2 * SIZE, 0);
            assertThat(grown.getCapacityBytes()).isEqualTo(2 * SIZE);
            assertThat(grown.getNodeExpansionRequired()).isTrue();
            assertThat(atController(driver, id, 2 * SIZE, 0)).isEqualTo(grown);
            assertThat(onNode(driver, id, staging, 2 * SIZE, 0).getCapacityBytes())
                    .isEqualTo(2 * SIZE);
            assertThat(total(driver, id, staging)).isGreaterThan(SIZE * 3 / 2);
            // smaller than now
            assertThat(atController(driver, id, SIZE, 0)).isEqualTo(grown);
            assertThat(onNode(driver, id, staging, SIZE, 0).getCapacityBytes()).isEqualTo(2 * SIZE);
            // over the limit
            assertThat(code(() -> atController(driver, id, SIZE, SIZE)))
                    .isEqualTo(Status.Code.OUT_OF_RANGE);
            assertThat(code(() -> onNode(driver, id, staging, SIZE, SIZE)))
                    .isEqualTo(Status.Code.OUT_OF_RANGE);
            assertThat(total(driver, id, staging)).isGreaterThan(SIZE * 3 / 2);
            // more than there is
            assertThat(code(() -> atController(driver, id, 1L << 60, 0)))
                    .isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
            driver.unstage(id);
            driver.detach(id, "");
        }
    }

    /// While it is mounted nowhere: the node has nothing to do, and the next stage does it.
    @Test
    void aVolumeThatIsNotMountedGrowsAtItsNextStage() throws Exception {
        try (var driver = TestDriver.central(folder, NODE)) {
            var id = create(driver);
            var context = driver.attach(id, NODE, SINGLE_NODE_WRITER);
            var staging = driver.stage(id, context, SINGLE_NODE_WRITER);
            driver.unstage(id);
            atController(driver, id, 2 * SIZE, 0);
            assertThat(code(() -> onNode(driver, id, staging, 2 * SIZE, 0)))
                    .isEqualTo(Status.Code.NOT_FOUND);
            driver.stage(id, context, SINGLE_NODE_WRITER);
            assertThat(total(driver, id, staging)).isGreaterThan(SIZE * 3 / 2);
            driver.unstage(id);
            driver.detach(id, "");
        }
    }

    /// Without a controller the node grows the image too, and nothing where nothing is mounted.
    @Test
    void aNodeAloneGrowsImageAndFileSystem() throws Exception {
        try (var driver = TestDriver.local(folder, NODE)) {
            var id = create(driver);
            var staging = driver.stage(id, Map.of(), SINGLE_NODE_WRITER);
            assertThat(code(() -> onNode(driver, id, folder.resolve("x"), 2 * SIZE, 0)))
                    .isEqualTo(Status.Code.NOT_FOUND);
            assertThat(onNode(driver, id, staging, 2 * SIZE, 0).getCapacityBytes())
                    .isEqualTo(2 * SIZE);
            assertThat(total(driver, id, staging)).isGreaterThan(SIZE * 3 / 2);
            assertThat(code(() -> onNode(driver, id, staging, SIZE, SIZE)))
                    .isEqualTo(Status.Code.OUT_OF_RANGE);
            assertThat(code(() -> onNode(driver, id, staging, 2, 1)))
                    .isEqualTo(Status.Code.INVALID_ARGUMENT);
            driver.unstage(id);
            assertThat(code(() -> atController(driver, id, 3 * SIZE, 0)))
                    .isEqualTo(Status.Code.UNIMPLEMENTED);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    @DisplayName("66: what an ext4 can never take is refused before anything grows")
    void whatAFileSystemCanNeverTakeIsRefusedWithTheLargestSize(boolean attach) throws Exception {
        try (var driver =
                attach ? TestDriver.central(folder, NODE) : TestDriver.local(folder, NODE)) {
            var id = create(driver, "ext4");
            var context =
                    attach ? driver.attach(id, NODE, SINGLE_NODE_WRITER) : Map.<String, String>of();
            var staging = driver.stage(id, context, SINGLE_NODE_WRITER);
            driver.unstage(id);
            var image = folder.resolve("ssd/volumes").resolve(id).resolve("image");
            Command.run(
                    List.of("mkfs.ext4", "-q", "-F", "-O", "bigalloc", image.toString()),
                    Duration.ofSeconds(20));
            driver.stage(id, context, SINGLE_NODE_WRITER);

            var refused =
                    refusal(
                            () ->
                                    attach
                                            ? atController(driver, id, 2 * SIZE, 0)
                                            : onNode(driver, id, staging, 2 * SIZE, 0));

            assertThat(refused.getCode()).isEqualTo(Status.Code.OUT_OF_RANGE);
            assertThat(refused.getDescription()).contains(id, "at most to " + SIZE, "bigalloc");
            assertThat(image).hasSize(SIZE);
            driver.unstage(id);
            driver.stage(id, context, SINGLE_NODE_WRITER);
            driver.unstage(id);
            if (attach) {
                driver.detach(id, "");
            }
            var copy = refusal(() -> driver.controller().createVolume(copyOf(id, 2 * SIZE)));
            assertThat(copy.getCode()).isEqualTo(Status.Code.OUT_OF_RANGE);
            assertThat(copy.getDescription()).contains("at most to " + SIZE, "bigalloc");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    @DisplayName("76: killed while it was unmounted for its growth, it is staged again")
    void aGrowthThatWasKilledWhileUnmountedIsFinishedByTheRetry(boolean published)
            throws Exception {
        assumeThat(Linux.hasCapSysResource()).as("CAP_SYS_RESOURCE").isFalse();
        try (var driver = TestDriver.local(folder, NODE)) {
            var id = create(driver, "ext4");
            var staging = driver.stage(id, Map.of(), SINGLE_NODE_WRITER);
            var target = folder.resolve("target");
            Mounts.unmount(staging);
            if (published) {
                publish(driver, id, staging, target);
            }
            var path = published ? target : staging;
            var request =
                    NodeExpandVolumeRequest.newBuilder()
                            .setVolumeId(id)
                            .setVolumePath(path.toString())
                            .setStagingTargetPath(staging.toString())
                            .setVolumeCapability(TestDriver.mount(SINGLE_NODE_WRITER))
                            .setCapacityRange(range(2 * SIZE, 0))
                            .build();
            if (published) {
                assertThat(code(() -> driver.node().nodeExpandVolume(request)))
                        .isEqualTo(Status.Code.ABORTED);
                Mounts.unmount(target);
                Mounts.unmount(staging);
                publish(driver, id, staging, target);
            }
            assertThat(driver.node().nodeExpandVolume(request).getCapacityBytes())
                    .isEqualTo(2 * SIZE);
            assertThat(total(driver, id, path)).isGreaterThan(SIZE * 3 / 2);
            var _ =
                    driver.node()
                            .nodeUnpublishVolume(
                                    NodeUnpublishVolumeRequest.newBuilder()
                                            .setVolumeId(id)
                                            .setTargetPath(target.toString())
                                            .build());
            driver.unstage(id);
            assertThat(code(() -> driver.node().nodeExpandVolume(request)))
                    .isEqualTo(Status.Code.NOT_FOUND);
        }
    }

    private static void publish(TestDriver driver, String id, Path staging, Path target) {
        var _ =
                driver.node()
                        .nodePublishVolume(
                                NodePublishVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setStagingTargetPath(staging.toString())
                                        .setTargetPath(target.toString())
                                        .setVolumeCapability(TestDriver.mount(SINGLE_NODE_WRITER))
                                        .build());
    }

    private static String create(TestDriver driver) {
        return create(driver, "xfs");
    }

    private static String create(TestDriver driver, String fileSystem) {
        var request =
                TestDriver.createRequest("data").toBuilder()
                        .setCapacityRange(CapacityRange.newBuilder().setRequiredBytes(SIZE))
                        .putParameters("csi.storage.k8s.io/fstype", fileSystem);
        return driver.controller().createVolume(request.build()).getVolume().getVolumeId();
    }

    private static ControllerExpandVolumeResponse atController(
            TestDriver driver, String id, long required, long limit) {
        return driver.controller()
                .controllerExpandVolume(
                        ControllerExpandVolumeRequest.newBuilder()
                                .setVolumeId(id)
                                .setCapacityRange(range(required, limit))
                                .build());
    }

    private static NodeExpandVolumeResponse onNode(
            TestDriver driver, String id, Path path, long required, long limit) {
        return driver.node()
                .nodeExpandVolume(
                        NodeExpandVolumeRequest.newBuilder()
                                .setVolumeId(id)
                                .setVolumePath(path.toString())
                                .setCapacityRange(range(required, limit))
                                .build());
    }

    private static CapacityRange range(long required, long limit) {
        return CapacityRange.newBuilder().setRequiredBytes(required).setLimitBytes(limit).build();
    }

    private static Status.Code code(Callable<?> call) throws Exception {
        return refusal(call).getCode();
    }

    private static long total(TestDriver driver, String id, Path path) {
        return driver.node()
                .nodeGetVolumeStats(
                        NodeGetVolumeStatsRequest.newBuilder()
                                .setVolumeId(id)
                                .setVolumePath(path.toString())
                                .build())
                .getUsage(0)
                .getTotal();
    }

    private static CreateVolumeRequest copyOf(String id, long bytes) {
        return TestDriver.createRequest("copy").toBuilder()
                .setCapacityRange(CapacityRange.newBuilder().setRequiredBytes(bytes))
                .setVolumeContentSource(
                        VolumeContentSource.newBuilder()
                                .setVolume(
                                        VolumeContentSource.VolumeSource.newBuilder()
                                                .setVolumeId(id)))
                .build();
    }
}
