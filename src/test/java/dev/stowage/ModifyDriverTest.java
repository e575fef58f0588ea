package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.CapacityRange;
import csi.v1.ControllerExpandVolumeRequest;
import csi.v1.ControllerGetCapabilitiesRequest;
import csi.v1.ControllerGetVolumeHealthRequest;
import csi.v1.ControllerModifyVolumeRequest;
import csi.v1.ControllerPublishVolumeRequest;
import csi.v1.ControllerServiceCapability.RPC.Type;
import csi.v1.VolumeCapability.AccessMode.Mode;
import csi.v1.VolumeHealth;
import dev.stowage.client.CsiClient;
import dev.stowage.testing.KillableDriver;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status.Code;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Limits on I/O as a controller is asked for them.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class ModifyDriverTest {
    private static final String LIMITS = "stowage.dev/limits";

    @TempDir(factory = TestFolder.class)
    private Path folder;

    @Test
    void aChangeShowsInTheNextAttachment() throws Exception {
        try (var driver = TestDriver.central(folder, "n1")) {
            var id = driver.create("v");
            assertThat(attached(driver, id)).doesNotContainKey(LIMITS);
            modify(driver, id, Map.of("readIops", "100", "writeBytesPerSecond", "10Mi"));
            assertThat(attached(driver, id))
                    .containsEntry(LIMITS, "readIops=100,writeBytesPerSecond=10485760");
            modify(driver, id, Map.of("readIops", "unlimited"));
            assertThat(attached(driver, id)).doesNotContainKey(LIMITS);
        }
    }

    @Test
    @DisplayName("43: mutable parameters override parameters, and unknown ones are refused")
    void aVolumeIsCreatedWithMutableParameters() throws Exception {
        try (var driver = TestDriver.central(folder, "n1")) {
            var request =
                    TestDriver.createRequest("v").toBuilder()
                            .putParameters("readIops", "100")
                            .putParameters("writeIops", "200")
                            .putModifiableParameters("readIops", "7")
                            .build();
            var id = driver.controller().createVolume(request).getVolume().getVolumeId();
            assertThat(attached(driver, id)).containsEntry(LIMITS, "readIops=7,writeIops=200");
            assertThat(driver.controller().createVolume(request).getVolume().getVolumeId())
                    .isEqualTo(id);
            var other = request.toBuilder().putParameters("writeIops", "201").build();
            var taken = TestDriver.refusal(() -> driver.controller().createVolume(other));
            assertThat(taken.getCode()).isEqualTo(Code.ALREADY_EXISTS);
            assertThat(taken.getDescription()).contains("readIops=7,writeIops=200");
            var unknown = request.toBuilder().putModifiableParameters("size", "1").build();
            assertThat(
                            TestDriver.refusal(() -> driver.controller().createVolume(unknown))
                                    .getCode())
                    .isEqualTo(Code.INVALID_ARGUMENT);
        }
    }

    @Test
    void operationsPerGibibyteGrowWithTheVolumeUpToTheirBound() throws Exception {
        try (var driver = TestDriver.central(folder, "n1")) {
            var request =
                    TestDriver.createRequest("v").toBuilder()
                            .setCapacityRange(gibibytes(1))
                            .putParameters("provisioning", "thin")
                            .putParameters("iopsPerGiB", "100")
                            .putParameters("maxIops", "150")
                            .build();
            var id = driver.controller().createVolume(request).getVolume().getVolumeId();
            assertThat(attached(driver, id)).containsEntry(LIMITS, "readIops=100,writeIops=100");
            var _ =
                    driver.controller()
                            .controllerExpandVolume(
                                    ControllerExpandVolumeRequest.newBuilder()
                                            .setVolumeId(id)
                                            .setCapacityRange(gibibytes(2))
                                            .build());
            assertThat(attached(driver, id)).containsEntry(LIMITS, "readIops=150,writeIops=150");
        }
    }

    private static CapacityRange gibibytes(int count) {
        return CapacityRange.newBuilder().setRequiredBytes(count * 1024 * TestDriver.MIB).build();
    }

    @Test
    @DisplayName(
            "47: a driver that is killed while it changes limits leaves the old or the new ones")
    void aChangeThatIsKilledIsMadeOrNot() throws Exception {
        var yaml =
                "attach: true\npools: {ssd: {type: file, path: %s/ssd, shared: true}}\n"
                        .formatted(folder);
        try (var driver = new KillableDriver(folder, yaml)) {
            var id =
                    driver.client()
                            .controller()
                            .createVolume(TestDriver.createRequest("v"))
                            .getVolume()
                            .getVolumeId();
            for (var step : List.of("fsync:when=1", "rename", "fsync:when=2")) {
                modify(driver.client(), id, Map.of("readIops", "100"));
                driver.killedAt(step, () -> modify(driver.client(), id, Map.of("readIops", "200")));
                assertThat(attached(driver.client(), id).get(LIMITS))
                        .as(step)
                        .isIn("readIops=100", "readIops=200");
                assertThat(health(driver.client(), id)).as(step).isEmpty();
                modify(driver.client(), id, Map.of("readIops", "200"));
                assertThat(attached(driver.client(), id)).containsEntry(LIMITS, "readIops=200");
                assertThat(temporaryFiles()).as(step).isEmpty();
            }
        }
    }

    private List<Path> temporaryFiles() throws IOException {
        try (var files = Files.walk(folder.resolve("ssd"))) {
            return files.filter(file -> file.getFileName().toString().startsWith(".tmp")).toList();
        }
    }

    @Test
    void whatCanNotBeChangedIsRefusedAndChangesNothing() throws Exception {
        try (var driver = TestDriver.central(folder, "n1")) {
            var id = driver.create("v");
            modify(driver, id, Map.of("readIops", "100"));
            for (var wrong :
                    List.of(
                            Map.of("readIops", "7", "pool", "hdd"),
                            Map.of("readIops", "7", "writeIops", "some"),
                            Map.<String, String>of())) {
                assertThat(TestDriver.refusal(() -> modify(driver, id, wrong)).getCode())
                        .isEqualTo(Code.INVALID_ARGUMENT);
            }
            assertThat(attached(driver, id)).containsEntry(LIMITS, "readIops=100");
            var gone = driver.create("w");
            driver.delete(gone);
            assertThat(
                            TestDriver.refusal(() -> modify(driver, gone, Map.of("readIops", "7")))
                                    .getCode())
                    .isEqualTo(Code.NOT_FOUND);
        }
    }

    @Test
    void withoutAttachmentAChangeIsNotOfferedAndTheReasonIsSaid() throws Exception {
        try (var driver = TestDriver.local(folder, "n1")) {
            assertThat(
                            driver.controller()
                                    .controllerGetCapabilities(
                                            ControllerGetCapabilitiesRequest.getDefaultInstance())
                                    .getCapabilitiesList())
                    .isNotEmpty()
                    .noneMatch(c -> c.getRpc().getType() == Type.MODIFY_VOLUME);
            var id = driver.create("v");
            var refusal = TestDriver.refusal(() -> modify(driver, id, Map.of("readIops", "7")));
            assertThat(refusal.getCode()).isEqualTo(Code.UNIMPLEMENTED);
            assertThat(refusal.getDescription()).contains("sidecars cannot route");
            var request =
                    TestDriver.createRequest("w").toBuilder()
                            .putModifiableParameters("readIops", "7")
                            .build();
            var create = TestDriver.refusal(() -> driver.controller().createVolume(request));
            assertThat(create.getCode()).isEqualTo(Code.INVALID_ARGUMENT);
            assertThat(create.getDescription()).contains("sidecars cannot route");
        }
    }

    private static Map<String, String> attached(TestDriver driver, String id) {
        return driver.attach(id, TestDriver.NODE, Mode.SINGLE_NODE_WRITER);
    }

    private static Map<String, String> attached(CsiClient client, String id) {
        return client.controller()
                .controllerPublishVolume(
                        ControllerPublishVolumeRequest.newBuilder()
                                .setVolumeId(id)
                                .setNodeId(TestDriver.NODE)
                                .setVolumeCapability(TestDriver.mount(Mode.SINGLE_NODE_WRITER))
                                .build())
                .getPublishContextMap();
    }

    private static List<VolumeHealth.VolumeHealthEntry> health(CsiClient client, String id) {
        return client.controller()
                .controllerGetVolumeHealth(
                        ControllerGetVolumeHealthRequest.newBuilder().setVolumeId(id).build())
                .getVolumeHealth()
                .getHealthStatusesList();
    }

    private static Object modify(TestDriver driver, String id, Map<String, String> parameters) {
        return driver.controller().controllerModifyVolume(change(id, parameters));
    }

    private static Object modify(CsiClient client, String id, Map<String, String> parameters) {
        return client.controller().controllerModifyVolume(change(id, parameters));
    }

    private static ControllerModifyVolumeRequest change(String id, Map<String, String> parameters) {
        return ControllerModifyVolumeRequest.newBuilder()
                .setVolumeId(id)
                .putAllMutableParameters(parameters)
                .build();
    }
}
