package dev.stowage.csi;

import csi.v1.ControllerPublishVolumeRequest;
import csi.v1.ControllerPublishVolumeResponse;
import csi.v1.ControllerServiceCapability.RPC.Type;
import csi.v1.ControllerUnpublishVolumeRequest;
import csi.v1.ControllerUnpublishVolumeResponse;
import dev.stowage.pools.Volumes;
import dev.stowage.volume.Capability;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.VolumeId;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.List;

/// The calls of the Controller service that attach volumes to nodes.
final class AttachmentCalls {
    static final List<Type> CAPABILITIES =
            List.of(
                    Type.PUBLISH_UNPUBLISH_VOLUME,
                    Type.PUBLISH_READONLY,
                    Type.LIST_VOLUMES_PUBLISHED_NODES);

    private final Volumes volumes;
    private final Operations operations;

    AttachmentCalls(Volumes volumes, Operations operations) {
        this.volumes = volumes;
        this.operations = operations;
    }

    void attach(
            ControllerPublishVolumeRequest request,
            StreamObserver<ControllerPublishVolumeResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    Requests.required(request.getVolumeId(), "volume_id");
                    Requests.required(request.getNodeId(), "node_id");
                    var use =
                            Requests.capability(
                                    request.hasVolumeCapability(), request.getVolumeCapability());
                    var id = Requests.existing(request.getVolumeId());
                    var node = Requests.node(request.getNodeId());
                    return operations.run(
                            request.getVolumeId(),
                            "ControllerPublishVolume",
                            request,
                            () -> attach(id, node, use, request.getReadonly()));
                });
    }

    private ControllerPublishVolumeResponse attach(
            VolumeId id, NodeId node, Capability use, boolean readOnly) throws IOException {
        volumes.requireSupported(id, List.of(use));
        var volume = volumes.require(id);
        return Replies.published(
                volumes.attach(id, node, use.mode(), readOnly),
                volume.limits().at(volume.capacityBytes()));
    }

    void detach(
            ControllerUnpublishVolumeRequest request,
            StreamObserver<ControllerUnpublishVolumeResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    var id = VolumeId.parse(Requests.required(request.getVolumeId(), "volume_id"));
                    if (id.isEmpty()) {
                        return ControllerUnpublishVolumeResponse.getDefaultInstance();
                    }
                    return operations.run(
                            request.getVolumeId(),
                            "ControllerUnpublishVolume",
                            request,
                            () -> detach(id.get(), request.getNodeId()));
                });
    }

    /// An empty node id means every node (CSI's ControllerUnpublishVolumeRequest).
    private ControllerUnpublishVolumeResponse detach(VolumeId id, String node) throws IOException {
        if (node.isEmpty()) {
            volumes.detachAll(id);
        } else {
            var known = Requests.nodeIfValid(node);
            if (known.isPresent()) {
                volumes.detach(id, known.get());
            }
        }
        return ControllerUnpublishVolumeResponse.getDefaultInstance();
    }
}
