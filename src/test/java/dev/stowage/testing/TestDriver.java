package dev.stowage.testing;

import csi.v1.CapacityRange;
import csi.v1.ControllerGrpc.ControllerBlockingStub;
import csi.v1.ControllerPublishVolumeRequest;
import csi.v1.ControllerUnpublishVolumeRequest;
import csi.v1.CreateVolumeRequest;
import csi.v1.DeleteVolumeRequest;
import csi.v1.GroupControllerGrpc.GroupControllerBlockingStub;
import csi.v1.IdentityGrpc.IdentityBlockingStub;
import csi.v1.NodeGrpc.NodeBlockingStub;
import csi.v1.NodePublishVolumeRequest;
import csi.v1.NodeStageVolumeRequest;
import csi.v1.NodeUnpublishVolumeRequest;
import csi.v1.NodeUnstageVolumeRequest;
import csi.v1.SnapshotMetadataGrpc.SnapshotMetadataBlockingStub;
import csi.v1.VolumeCapability;
import csi.v1.VolumeCapability.AccessMode.Mode;
import dev.stowage.client.CsiClient;
import dev.stowage.config.ConfigFile;
import dev.stowage.serve.Driver;
import dev.stowage.serve.Role;
import dev.stowage.volume.NodeId;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;

/// A whole driver in this process on a socket in a folder, and a client of it.
public final class TestDriver implements AutoCloseable {
    public static final String NODE = "n1";
    public static final long MIB = 1 << 20;

    private final Path folder;
    private final Driver driver;
    private final CsiClient client;

    private TestDriver(Path folder, Driver driver, CsiClient client) {
        this.folder = folder;
        this.driver = driver;
        this.client = client;
    }

    /// One pool `ssd` in the folder, which attaches.
    public static TestDriver central(Path folder, String node) throws IOException {
        return start(
                folder,
                node,
                "attach: true\npools:\n  ssd: {type: file, path: %s/ssd, shared: true}\n"
                        .formatted(folder));
    }

    /// One pool `ssd` in the folder, without attachment.
    public static TestDriver local(Path folder, String node) throws IOException {
        return start(
                folder,
                node,
                "attach: false\npools:\n  ssd: {type: file, path: %s/ssd}\n".formatted(folder));
    }

    public static TestDriver start(Path folder, String node, String yaml) throws IOException {
        var config =
                ConfigFile.read(
                        Files.writeString(
                                folder.resolve(node + ".yaml"),
                                "state: %s/state-%s\n".formatted(folder, node) + yaml));
        var socket = folder.resolve(node + ".sock");
        var driver =
                new Driver(
                        config,
                        new Driver.Options(
                                "unix://" + socket, Role.ALL, NodeId.of(node), Optional.empty()));
        driver.start();
        return new TestDriver(folder, driver, new CsiClient(socket));
    }

    public IdentityBlockingStub identity() {
        return client.identity();
    }

    public ControllerBlockingStub controller() {
        return client.controller();
    }

    public GroupControllerBlockingStub groups() {
        return client.groups();
    }

    public SnapshotMetadataBlockingStub snapshotMetadata() {
        return client.snapshotMetadata();
    }

    public NodeBlockingStub node() {
        return client.node();
    }

    public String create(String name) {
        return controller().createVolume(createRequest(name)).getVolume().getVolumeId();
    }

    public static CreateVolumeRequest createRequest(String name) {
        return CreateVolumeRequest.newBuilder()
                .setName(name)
                .setCapacityRange(CapacityRange.newBuilder().setRequiredBytes(32 * MIB))
                .addVolumeCapabilities(mount(Mode.SINGLE_NODE_WRITER))
                .build();
    }

    public void delete(String id) {
        var _ = controller().deleteVolume(DeleteVolumeRequest.newBuilder().setVolumeId(id).build());
    }

    public Map<String, String> attach(String id, String node, Mode mode) {
        return controller()
                .controllerPublishVolume(
                        ControllerPublishVolumeRequest.newBuilder()
                                .setVolumeId(id)
                                .setNodeId(node)
                                .setVolumeCapability(mount(mode))
                                .build())
                .getPublishContextMap();
    }

    /// @param node empty: from every node
    public void detach(String id, String node) {
        var _ =
                controller()
                        .controllerUnpublishVolume(
                                ControllerUnpublishVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setNodeId(node)
                                        .build());
    }

    public Path stage(String id, Map<String, String> context, Mode mode) throws IOException {
        var staging = Files.createDirectories(staging(id));
        var _ =
                node().nodeStageVolume(
                                NodeStageVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .putAllPublishContext(context)
                                        .setStagingTargetPath(staging.toString())
                                        .setVolumeCapability(mount(mode))
                                        .build());
        return staging;
    }

    /// With a file system that need not be the pool's usual one.
    public void stageAs(String id, Map<String, String> context, String fileSystem)
            throws IOException {
        var capability =
                mount(Mode.SINGLE_NODE_WRITER).toBuilder()
                        .setMount(VolumeCapability.MountVolume.newBuilder().setFsType(fileSystem));
        var _ =
                node().nodeStageVolume(
                                NodeStageVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .putAllPublishContext(context)
                                        .setStagingTargetPath(
                                                Files.createDirectories(staging(id)).toString())
                                        .setVolumeCapability(capability)
                                        .build());
    }

    public Path staging(String id) {
        return folder.resolve("staging-" + id.substring(id.length() - 8));
    }

    public Path publish(
            String id, Map<String, String> context, String target, Mode mode, boolean readOnly) {
        var path = folder.resolve(target);
        var _ =
                node().nodePublishVolume(
                                NodePublishVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .putAllPublishContext(context)
                                        .setStagingTargetPath(staging(id).toString())
                                        .setTargetPath(path.toString())
                                        .setVolumeCapability(mount(mode))
                                        .setReadonly(readOnly)
                                        .build());
        return path;
    }

    public void unpublish(String id, String target) {
        var _ =
                node().nodeUnpublishVolume(
                                NodeUnpublishVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setTargetPath(folder.resolve(target).toString())
                                        .build());
    }

    public void unstage(String id) {
        var _ =
                node().nodeUnstageVolume(
                                NodeUnstageVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setStagingTargetPath(staging(id).toString())
                                        .build());
    }

    public static VolumeCapability mount(Mode mode) {
        return VolumeCapability.newBuilder()
                .setMount(VolumeCapability.MountVolume.getDefaultInstance())
                .setAccessMode(VolumeCapability.AccessMode.newBuilder().setMode(mode))
                .build();
    }

    /// How the call was refused; fails if it was not.
    public static Status refusal(Callable<?> call) throws Exception {
        try {
            call.call();
        } catch (StatusRuntimeException e) {
            return e.getStatus();
        }
        throw new AssertionError("the call was not refused");
    }

    @Override
    public void close() {
        client.close();
        driver.close();
    }
}
