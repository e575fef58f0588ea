package dev.stowage.csi;

import csi.v1.NodeExpandVolumeRequest;
import csi.v1.NodeExpandVolumeResponse;
import csi.v1.NodeGetCapabilitiesRequest;
import csi.v1.NodeGetCapabilitiesResponse;
import csi.v1.NodeGetInfoRequest;
import csi.v1.NodeGetInfoResponse;
import csi.v1.NodeGetStorageHealthRequest;
import csi.v1.NodeGetStorageHealthResponse;
import csi.v1.NodeGetVolumeHealthRequest;
import csi.v1.NodeGetVolumeHealthResponse;
import csi.v1.NodeGetVolumeStatsRequest;
import csi.v1.NodeGetVolumeStatsResponse;
import csi.v1.NodeGrpc;
import csi.v1.NodePublishVolumeRequest;
import csi.v1.NodePublishVolumeResponse;
import csi.v1.NodeServiceCapability;
import csi.v1.NodeServiceCapability.RPC.Type;
import csi.v1.NodeStageVolumeRequest;
import csi.v1.NodeStageVolumeResponse;
import csi.v1.NodeUnpublishVolumeRequest;
import csi.v1.NodeUnpublishVolumeResponse;
import csi.v1.NodeUnstageVolumeRequest;
import csi.v1.NodeUnstageVolumeResponse;
import dev.stowage.node.Growth;
import dev.stowage.node.PublishRequest;
import dev.stowage.node.Publishing;
import dev.stowage.node.StageRequest;
import dev.stowage.node.Staging;
import dev.stowage.node.Stats;
import dev.stowage.node.limit.Limiting;
import dev.stowage.pools.Health;
import dev.stowage.pools.Volumes;
import dev.stowage.spi.Attachment;
import dev.stowage.spi.VolumeCheck;
import dev.stowage.volume.Capability;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// CSI's Node service: what happens to volumes on the kubelet's host.
public final class NodeService extends NodeGrpc.NodeImplBase {
    private static final List<Type> CAPABILITIES =
            List.of(
                    Type.STAGE_UNSTAGE_VOLUME,
                    Type.GET_VOLUME_STATS,
                    Type.EXPAND_VOLUME,
                    Type.SINGLE_NODE_MULTI_WRITER,
                    Type.GET_VOLUME_HEALTH,
                    Type.GET_STORAGE_HEALTH);

    private final NodeId node;
    private final int maxVolumes;
    private final boolean attach;
    private final Volumes volumes;
    private final Host host;
    private final Operations operations;
    private final HealthCalls health;

    /// What the node side of the driver does on this machine.
    ///
    /// @param checks what is looked at for the health of a volume on this node, in this order
    public record Host(
            Staging staging,
            Publishing publishing,
            Stats stats,
            Growth growth,
            Limiting limiting,
            List<VolumeCheck> checks) {
        public Host {
            checks = List.copyOf(checks);
        }
    }

    /// @param maxVolumes how many volumes the scheduler may place on this node
    /// @param attach whether volumes must have been attached by the controller
    public NodeService(
            NodeId node,
            int maxVolumes,
            boolean attach,
            Volumes volumes,
            Host host,
            Health health,
            Operations operations) {
        this.node = node;
        this.maxVolumes = maxVolumes;
        this.attach = attach;
        this.volumes = volumes;
        this.host = host;
        this.operations = operations;
        this.health = new HealthCalls(health, host.checks(), operations);
    }

    @Override
    public void nodeGetCapabilities(
            NodeGetCapabilitiesRequest request,
            StreamObserver<NodeGetCapabilitiesResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    var reply = NodeGetCapabilitiesResponse.newBuilder();
                    CAPABILITIES.forEach(type -> reply.addCapabilities(capability(type)));
                    return reply.build();
                });
    }

    @Override
    public void nodeGetInfo(
            NodeGetInfoRequest request, StreamObserver<NodeGetInfoResponse> observer) {
        operations.answer(
                observer,
                () ->
                        NodeGetInfoResponse.newBuilder()
                                .setNodeId(node.value())
                                .setMaxVolumesPerNode(maxVolumes)
                                .setAccessibleTopology(Replies.topology(volumes.topologyOfNode()))
                                .build());
    }

    @Override
    public void nodeStageVolume(
            NodeStageVolumeRequest request, StreamObserver<NodeStageVolumeResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    Requests.required(request.getVolumeId(), "volume_id");
                    var staging =
                            Requests.path(request.getStagingTargetPath(), "staging_target_path");
                    var use =
                            Requests.capability(
                                    request.hasVolumeCapability(), request.getVolumeCapability());
                    var id = Requests.existing(request.getVolumeId());
                    return operations.run(
                            request.getVolumeId(),
                            "NodeStageVolume",
                            request,
                            () ->
                                    volumes.reaching(
                                            id,
                                            () ->
                                                    stage(
                                                            id,
                                                            staging,
                                                            use,
                                                            request.getPublishContextMap())));
                });
    }

    private NodeStageVolumeResponse stage(
            VolumeId id, Path staging, Capability use, Map<String, String> context)
            throws IOException {
        var volume = volumes.require(id);
        volumes.waitingDeletions().forget(id);
        host.staging().stage(new StageRequest(volume, attachment(id, use, context), staging, use));
        return NodeStageVolumeResponse.getDefaultInstance();
    }

    /// With attachment the controller has said how to reach the volume, and this node must still
    /// hold it; without, the id is enough.
    private Attachment attachment(VolumeId id, Capability use, Map<String, String> context)
            throws IOException {
        if (!attach) {
            return new Attachment.LoopFile(id, use.mode().readOnly());
        }
        var attachment = PublishContext.decode(id, context);
        if (!volumes.publishedNodes(id).contains(node)) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "volume %s is not attached to node %s: attach it with ControllerPublishVolume first"
                            .formatted(id, node));
        }
        return attachment;
    }

    @Override
    public void nodeUnstageVolume(
            NodeUnstageVolumeRequest request, StreamObserver<NodeUnstageVolumeResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    var volume = Requests.required(request.getVolumeId(), "volume_id");
                    var staging =
                            Requests.path(request.getStagingTargetPath(), "staging_target_path");
                    return operations.run(
                            volume,
                            "NodeUnstageVolume",
                            request,
                            () -> {
                                var others = host.staging().unstage(volume, staging);
                                requireMountedNowhere(volume, others);
                                return NodeUnstageVolumeResponse.getDefaultInstance();
                            });
                });
    }

    /// Once it is unstaged the controller may attach it to another node, and what can still write
    /// to it here would destroy it. A mount of that kind is a bind of the staging path, or a second
    /// staging.
    private void requireMountedNowhere(String volume, List<String> others) {
        if (attach && !others.isEmpty()) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "volume %s is also mounted on node %s at %s: unmount it there, or unstage it; until then it stays attached to this node"
                            .formatted(volume, node, others.getFirst()));
        }
    }

    @Override
    public void nodePublishVolume(
            NodePublishVolumeRequest request, StreamObserver<NodePublishVolumeResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    Requests.required(request.getVolumeId(), "volume_id");
                    var target = Requests.path(request.getTargetPath(), "target_path");
                    var use =
                            Requests.capability(
                                    request.hasVolumeCapability(), request.getVolumeCapability());
                    var staging = stagingPath(request);
                    var id = Requests.existing(request.getVolumeId());
                    return operations.run(
                            request.getVolumeId(),
                            "NodePublishVolume",
                            request,
                            () -> publish(id, staging, target, use, request));
                });
    }

    private static Path stagingPath(NodePublishVolumeRequest request) {
        if (request.getStagingTargetPath().isEmpty()) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "staging_target_path is missing: this driver publishes staged volumes");
        }
        return Requests.path(request.getStagingTargetPath(), "staging_target_path");
    }

    private NodePublishVolumeResponse publish(
            VolumeId id,
            Path staging,
            Path target,
            Capability use,
            NodePublishVolumeRequest request)
            throws IOException {
        var attachment =
                attach
                        ? PublishContext.decode(id, request.getPublishContextMap())
                        : new Attachment.LoopFile(id, use.mode().readOnly());
        if (host.growth().interrupted(id, staging)) {
            stageAgain(id, staging, use);
        }
        host.publishing()
                .publish(
                        new PublishRequest(
                                id, attachment, staging, target, use, request.getReadonly()));
        return NodePublishVolumeResponse.getDefaultInstance();
    }

    @Override
    public void nodeUnpublishVolume(
            NodeUnpublishVolumeRequest request,
            StreamObserver<NodeUnpublishVolumeResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    var volume = Requests.required(request.getVolumeId(), "volume_id");
                    var target = Requests.path(request.getTargetPath(), "target_path");
                    return operations.run(
                            volume,
                            "NodeUnpublishVolume",
                            request,
                            () -> {
                                host.publishing().unpublish(volume, target);
                                return NodeUnpublishVolumeResponse.getDefaultInstance();
                            });
                });
    }

    @Override
    public void nodeGetVolumeStats(
            NodeGetVolumeStatsRequest request,
            StreamObserver<NodeGetVolumeStatsResponse> observer) {
        operations.answerSoon(
                observer,
                () -> {
                    Requests.required(request.getVolumeId(), "volume_id");
                    var path = Requests.volumePath(request.getVolumePath());
                    var id = Requests.existing(request.getVolumeId());
                    return operations.read(
                            request.getVolumeId(),
                            "NodeGetVolumeStats",
                            request,
                            () -> Replies.stats(host.stats().stats(id, path)));
                });
    }

    @Override
    public void nodeGetVolumeHealth(
            NodeGetVolumeHealthRequest request,
            StreamObserver<NodeGetVolumeHealthResponse> observer) {
        health.ofVolumeHere(request, observer);
    }

    @Override
    public void nodeGetStorageHealth(
            NodeGetStorageHealthRequest request,
            StreamObserver<NodeGetStorageHealthResponse> observer) {
        health.ofPools(request, observer);
    }

    @Override
    public void nodeExpandVolume(
            NodeExpandVolumeRequest request, StreamObserver<NodeExpandVolumeResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    Requests.required(request.getVolumeId(), "volume_id");
                    var path = Requests.volumePath(request.getVolumePath());
                    var size = Requests.capacity(request.getCapacityRange());
                    var id = Requests.existing(request.getVolumeId());
                    return operations.run(
                            request.getVolumeId(),
                            "NodeExpandVolume",
                            request,
                            () -> volumes.reaching(id, () -> expand(id, path, size, request)));
                });
    }

    private NodeExpandVolumeResponse expand(
            VolumeId id, Path path, CapacityRange size, NodeExpandVolumeRequest request)
            throws IOException {
        if (request.hasVolumeCapability()
                && path.toString().equals(request.getStagingTargetPath())
                && host.growth().interrupted(id, path)) {
            stageAgain(id, path, Requests.capability(true, request.getVolumeCapability()));
        }
        host.growth().requireAt(id, path);
        var bytes = host.growth().expand(grown(id, size), path);
        return NodeExpandVolumeResponse.newBuilder().setCapacityBytes(bytes).build();
    }

    private void stageAgain(VolumeId id, Path staging, Capability use) throws IOException {
        var volume = volumes.require(id);
        if (!attach || volumes.publishedNodes(id).contains(node)) {
            var attachment = new Attachment.LoopFile(id, use.mode().readOnly());
            host.staging().stage(new StageRequest(volume, attachment, staging, use));
        }
    }

    /// With attachment the controller has grown the volume before; without, it is done here.
    private Volume grown(VolumeId id, CapacityRange size) throws IOException {
        return attach ? volumes.requireGrown(id, size) : volumes.expand(id, size);
    }

    private static NodeServiceCapability capability(Type type) {
        return NodeServiceCapability.newBuilder()
                .setRpc(NodeServiceCapability.RPC.newBuilder().setType(type))
                .build();
    }
}
