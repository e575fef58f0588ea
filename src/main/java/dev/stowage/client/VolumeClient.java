package dev.stowage.client;

import csi.v1.CapacityRange;
import csi.v1.ControllerExpandVolumeRequest;
import csi.v1.ControllerModifyVolumeRequest;
import csi.v1.ControllerPublishVolumeRequest;
import csi.v1.ControllerUnpublishVolumeRequest;
import csi.v1.CreateVolumeRequest;
import csi.v1.DeleteVolumeRequest;
import csi.v1.NodeExpandVolumeRequest;
import csi.v1.NodeGetVolumeHealthRequest;
import csi.v1.NodeGetVolumeStatsRequest;
import csi.v1.NodePublishVolumeRequest;
import csi.v1.NodeStageVolumeRequest;
import csi.v1.NodeUnpublishVolumeRequest;
import csi.v1.NodeUnstageVolumeRequest;
import csi.v1.Volume;
import csi.v1.VolumeCapability;
import csi.v1.VolumeContentSource;
import csi.v1.VolumeHealth.VolumeHealthEntry;
import csi.v1.VolumeUsage;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// The calls that Kubernetes makes for one volume, each with what it needs of those before it.
///
/// @param controller where the Controller service is
public final class VolumeClient {
    private final CsiClient controller;
    private final VolumeCapability capability;
    private Volume volume = Volume.getDefaultInstance();
    private Map<String, String> publishContext = Map.of();

    public VolumeClient(CsiClient controller, VolumeCapability capability) {
        this.controller = controller;
        this.capability = capability;
    }

    public String id() {
        return volume.getVolumeId();
    }

    /// The size as granted.
    public long bytes() {
        return volume.getCapacityBytes();
    }

    /// Returns the size as granted.
    public long create(String name, long bytes) {
        return create(request(name, bytes).build());
    }

    /// A volume with what a snapshot holds. Returns the size as granted.
    public long restore(String name, long bytes, String snapshot) {
        var source = VolumeContentSource.SnapshotSource.newBuilder().setSnapshotId(snapshot);
        var content = VolumeContentSource.newBuilder().setSnapshot(source);
        return create(request(name, bytes).setVolumeContentSource(content).build());
    }

    private CreateVolumeRequest.Builder request(String name, long bytes) {
        return CreateVolumeRequest.newBuilder()
                .setName(name)
                .setCapacityRange(required(bytes))
                .addVolumeCapabilities(capability);
    }

    private long create(CreateVolumeRequest request) {
        volume = controller.controller().createVolume(request).getVolume();
        return volume.getCapacityBytes();
    }

    /// What a VolumeAttributesClass says.
    public void modify(Map<String, String> parameters) {
        var _ =
                controller
                        .controller()
                        .controllerModifyVolume(
                                ControllerModifyVolumeRequest.newBuilder()
                                        .setVolumeId(id())
                                        .putAllMutableParameters(parameters)
                                        .build());
    }

    /// What is wrong with the volume as a node sees it.
    public List<VolumeHealthEntry> health(CsiClient node, Path target) {
        return node.node()
                .nodeGetVolumeHealth(
                        NodeGetVolumeHealthRequest.newBuilder()
                                .setVolumeId(id())
                                .setVolumePublishPath(target.toString())
                                .build())
                .getVolumeHealth()
                .getHealthStatusesList();
    }

    public void attach(String node) {
        publishContext =
                controller
                        .controller()
                        .controllerPublishVolume(
                                ControllerPublishVolumeRequest.newBuilder()
                                        .setVolumeId(id())
                                        .setNodeId(node)
                                        .setVolumeCapability(capability)
                                        .build())
                        .getPublishContextMap();
    }

    public void stage(CsiClient node, Path staging) {
        var _ =
                node.node()
                        .nodeStageVolume(
                                NodeStageVolumeRequest.newBuilder()
                                        .setVolumeId(id())
                                        .putAllPublishContext(publishContext)
                                        .setStagingTargetPath(staging.toString())
                                        .setVolumeCapability(capability)
                                        .build());
    }

    public void publish(CsiClient node, Path staging, Path target) {
        var _ =
                node.node()
                        .nodePublishVolume(
                                NodePublishVolumeRequest.newBuilder()
                                        .setVolumeId(id())
                                        .putAllPublishContext(publishContext)
                                        .setStagingTargetPath(staging.toString())
                                        .setTargetPath(target.toString())
                                        .setVolumeCapability(capability)
                                        .build());
    }

    /// The controller's half of a growth.
    public long expand(long bytes) {
        return controller
                .controller()
                .controllerExpandVolume(
                        ControllerExpandVolumeRequest.newBuilder()
                                .setVolumeId(id())
                                .setCapacityRange(required(bytes))
                                .setVolumeCapability(capability)
                                .build())
                .getCapacityBytes();
    }

    /// The node's half of a growth.
    public void expandOn(CsiClient node, Path staging, Path target, long bytes) {
        var _ =
                node.node()
                        .nodeExpandVolume(
                                NodeExpandVolumeRequest.newBuilder()
                                        .setVolumeId(id())
                                        .setVolumePath(target.toString())
                                        .setStagingTargetPath(staging.toString())
                                        .setCapacityRange(required(bytes))
                                        .setVolumeCapability(capability)
                                        .build());
    }

    /// How much a pod can use: what the file system or the device says.
    public long totalBytes(CsiClient node, Path target) {
        return node
                .node()
                .nodeGetVolumeStats(
                        NodeGetVolumeStatsRequest.newBuilder()
                                .setVolumeId(id())
                                .setVolumePath(target.toString())
                                .build())
                .getUsageList()
                .stream()
                .filter(usage -> usage.getUnit() == VolumeUsage.Unit.BYTES)
                .mapToLong(VolumeUsage::getTotal)
                .findFirst()
                .orElseThrow();
    }

    public void unpublish(CsiClient node, Path target) {
        var _ =
                node.node()
                        .nodeUnpublishVolume(
                                NodeUnpublishVolumeRequest.newBuilder()
                                        .setVolumeId(id())
                                        .setTargetPath(target.toString())
                                        .build());
    }

    public void unstage(CsiClient node, Path staging) {
        var _ =
                node.node()
                        .nodeUnstageVolume(
                                NodeUnstageVolumeRequest.newBuilder()
                                        .setVolumeId(id())
                                        .setStagingTargetPath(staging.toString())
                                        .build());
    }

    public void detach(String node) {
        var _ =
                controller
                        .controller()
                        .controllerUnpublishVolume(
                                ControllerUnpublishVolumeRequest.newBuilder()
                                        .setVolumeId(id())
                                        .setNodeId(node)
                                        .build());
    }

    public void delete() {
        var _ =
                controller
                        .controller()
                        .deleteVolume(DeleteVolumeRequest.newBuilder().setVolumeId(id()).build());
    }

    private static CapacityRange required(long bytes) {
        return CapacityRange.newBuilder().setRequiredBytes(bytes).build();
    }
}
