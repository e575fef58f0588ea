package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import csi.v1.CapacityRange;
import csi.v1.ControllerExpandVolumeRequest;
import csi.v1.ControllerPublishVolumeRequest;
import csi.v1.ControllerUnpublishVolumeRequest;
import csi.v1.CreateVolumeRequest;
import csi.v1.DeleteVolumeRequest;
import csi.v1.NodeExpandVolumeRequest;
import csi.v1.NodePublishVolumeRequest;
import csi.v1.NodeStageVolumeRequest;
import csi.v1.NodeUnpublishVolumeRequest;
import csi.v1.NodeUnstageVolumeRequest;
import csi.v1.ValidateVolumeCapabilitiesRequest;
import csi.v1.VolumeCapability;
import dev.stowage.client.CsiClient;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.ServeProcess;
import dev.stowage.testing.Strace;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Failure case 54: every request that may carry secrets carries one through a volume's life, and
/// through an mkfs and a mount that fail. They are in no log, in no error message, and with no
/// program that is run.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class SecretsTest {
    private static final String CANARY = "tr0ub4dor-canary";

    @TempDir(factory = TestFolder.class)
    private Path folder;

    private final List<String> errors = new ArrayList<>();

    @ParameterizedTest
    @ValueSource(strings = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR"})
    void secretsAreInNoLogNoErrorMessageAndNoProgramsArguments(String level) throws Exception {
        var yaml =
                "attach: true\npools: {ssd: {type: file, path: %s/ssd, shared: true}}\n"
                        .formatted(folder);
        String log;
        List<String> programs;
        try (var driver = ServeProcess.startLogging(folder, "n1", yaml, level);
                var client = new CsiClient(driver.socket());
                // arguments and environments as a whole
                var strace = Strace.of(driver.pid(), folder, "execve", "-vs65536")) {
            driver.awaitReady();
            life(client, create(client, "whole", ""), "");
            life(client, create(client, "no-mkfs", "-E resize=1"), "");
            life(client, create(client, "no-mount", ""), "data=nonsense");
            life(client, create(client, "no-mount", ""), "commit=999999999999");
            life(client, "nothing", "");
            driver.terminate();
            assertThat(driver.awaitEnd(30)).isTrue();
            log = driver.log();
            programs = strace.seen().filter(line -> line.contains("execve(")).toList();
        }
        if (!List.of("WARN", "ERROR").contains(level)) {
            assertThat(log).contains("NodePublishVolume").contains("OK");
        }
        assertThat(programs).anyMatch(call -> call.contains("\"mkfs.ext4\", "));
        assertThat(errors).hasSizeGreaterThan(5).anyMatch(text -> text.contains("mkfs.ext4"));
        for (var spelled : List.of(CANARY, HexFormat.of().formatHex(CANARY.getBytes(UTF_8)))) {
            assertThat(log).doesNotContain(spelled);
            assertThat(errors).noneMatch(text -> text.contains(spelled));
            assertThat(programs).noneMatch(call -> call.contains(spelled));
        }
    }

    /// The id of the new volume; where mkfs refuses the options, of none.
    private String create(CsiClient client, String name, String mkfsOptions) {
        var request =
                TestDriver.createRequest(name).toBuilder()
                        .putParameters("mkfsOptions", mkfsOptions);
        call(
                request.build().toBuilder().putParameters("nonsense", "1").build(),
                r -> client.controller().createVolume((CreateVolumeRequest) r));
        var id =
                call(
                        request.build(),
                        r ->
                                client.controller()
                                        .createVolume((CreateVolumeRequest) r)
                                        .getVolume()
                                        .getVolumeId());
        return id == null ? "nothing" : id;
    }

    private void life(CsiClient client, String id, String mountFlag) {
        var controller = client.controller();
        var node = client.node();
        var mount = VolumeCapability.MountVolume.newBuilder();
        if (!mountFlag.isEmpty()) {
            mount.addMountFlags(mountFlag);
        }
        var use = TestDriver.mount(SINGLE_NODE_WRITER).toBuilder().setMount(mount).build();
        var staging = folder.resolve("staging").toString();
        var target = folder.resolve("target").toString();
        var larger = CapacityRange.newBuilder().setRequiredBytes(64 * TestDriver.MIB).build();
        var context =
                call(
                        ControllerPublishVolumeRequest.newBuilder()
                                .setVolumeId(id)
                                .setNodeId("n1")
                                .setVolumeCapability(TestDriver.mount(SINGLE_NODE_WRITER))
                                .build(),
                        r ->
                                controller
                                        .controllerPublishVolume((ControllerPublishVolumeRequest) r)
                                        .getPublishContextMap());
        call(
                ValidateVolumeCapabilitiesRequest.newBuilder()
                        .setVolumeId(id)
                        .addVolumeCapabilities(use)
                        .build(),
                r -> controller.validateVolumeCapabilities((ValidateVolumeCapabilitiesRequest) r));
        var stage =
                NodeStageVolumeRequest.newBuilder()
                        .setVolumeId(id)
                        .setStagingTargetPath(staging)
                        .setVolumeCapability(use);
        var publish =
                NodePublishVolumeRequest.newBuilder()
                        .setVolumeId(id)
                        .setStagingTargetPath(staging)
                        .setTargetPath(target)
                        .setVolumeCapability(use);
        if (context != null) {
            stage.putAllPublishContext(context);
            publish.putAllPublishContext(context);
        }
        call(stage.build(), r -> node.nodeStageVolume((NodeStageVolumeRequest) r));
        call(publish.build(), r -> node.nodePublishVolume((NodePublishVolumeRequest) r));
        call(
                ControllerExpandVolumeRequest.newBuilder()
                        .setVolumeId(id)
                        .setCapacityRange(larger)
                        .build(),
                r -> controller.controllerExpandVolume((ControllerExpandVolumeRequest) r));
        call(
                NodeExpandVolumeRequest.newBuilder()
                        .setVolumeId(id)
                        .setVolumePath(target)
                        .setCapacityRange(larger)
                        .build(),
                r -> node.nodeExpandVolume((NodeExpandVolumeRequest) r));
        var unpublish = NodeUnpublishVolumeRequest.newBuilder().setVolumeId(id);
        call(
                unpublish.setTargetPath(target).build(),
                r -> node.nodeUnpublishVolume((NodeUnpublishVolumeRequest) r));
        var unstage = NodeUnstageVolumeRequest.newBuilder().setVolumeId(id);
        call(
                unstage.setStagingTargetPath(staging).build(),
                r -> node.nodeUnstageVolume((NodeUnstageVolumeRequest) r));
        var delete = DeleteVolumeRequest.newBuilder().setVolumeId(id).build();
        call(delete, r -> controller.deleteVolume((DeleteVolumeRequest) r));
        call(
                ControllerUnpublishVolumeRequest.newBuilder().setVolumeId(id).build(),
                r -> controller.controllerUnpublishVolume((ControllerUnpublishVolumeRequest) r));
        call(delete, r -> controller.deleteVolume((DeleteVolumeRequest) r));
    }

    /// The answer, or null and a further entry in [#errors].
    private <T> @org.jspecify.annotations.Nullable T call(
            Message request, Function<Message, T> method) {
        try {
            return method.apply(secret(request));
        } catch (StatusRuntimeException e) {
            errors.add(e.toString());
            return null;
        }
    }

    /// The request with the canary in its secrets, where it can have any.
    private static Message secret(Message request) {
        var field = request.getDescriptorForType().findFieldByName("secrets");
        if (field == null) {
            return request;
        }
        var builder = request.toBuilder();
        builder.addRepeatedField(field, entry(builder, field));
        return builder.build();
    }

    private static Message entry(Message.Builder builder, FieldDescriptor map) {
        var entry = builder.newBuilderForField(map);
        entry.setField(entry.getDescriptorForType().findFieldByNumber(1), "password");
        entry.setField(entry.getDescriptorForType().findFieldByNumber(2), CANARY);
        return entry.build();
    }
}
