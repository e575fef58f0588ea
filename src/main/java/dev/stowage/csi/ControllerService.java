package dev.stowage.csi;

import csi.v1.ControllerExpandVolumeRequest;
import csi.v1.ControllerExpandVolumeResponse;
import csi.v1.ControllerGetCapabilitiesRequest;
import csi.v1.ControllerGetCapabilitiesResponse;
import csi.v1.ControllerGetVolumeHealthRequest;
import csi.v1.ControllerGetVolumeHealthResponse;
import csi.v1.ControllerGetVolumeRequest;
import csi.v1.ControllerGetVolumeResponse;
import csi.v1.ControllerGrpc;
import csi.v1.ControllerListVolumeHealthRequest;
import csi.v1.ControllerListVolumeHealthResponse;
import csi.v1.ControllerModifyVolumeRequest;
import csi.v1.ControllerModifyVolumeResponse;
import csi.v1.ControllerPublishVolumeRequest;
import csi.v1.ControllerPublishVolumeResponse;
import csi.v1.ControllerServiceCapability;
import csi.v1.ControllerServiceCapability.RPC.Type;
import csi.v1.ControllerUnpublishVolumeRequest;
import csi.v1.ControllerUnpublishVolumeResponse;
import csi.v1.CreateSnapshotRequest;
import csi.v1.CreateSnapshotResponse;
import csi.v1.CreateVolumeRequest;
import csi.v1.CreateVolumeResponse;
import csi.v1.DeleteSnapshotRequest;
import csi.v1.DeleteSnapshotResponse;
import csi.v1.DeleteVolumeRequest;
import csi.v1.DeleteVolumeResponse;
import csi.v1.GetCapacityRequest;
import csi.v1.GetCapacityResponse;
import csi.v1.GetSnapshotRequest;
import csi.v1.GetSnapshotResponse;
import csi.v1.ListSnapshotsRequest;
import csi.v1.ListSnapshotsResponse;
import csi.v1.ListVolumesRequest;
import csi.v1.ListVolumesResponse;
import csi.v1.ValidateVolumeCapabilitiesRequest;
import csi.v1.ValidateVolumeCapabilitiesResponse;
import dev.stowage.pools.Health;
import dev.stowage.pools.PoolSnapshots;
import dev.stowage.pools.Volumes;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;

/// CSI's Controller service: volumes come, are attached, grow and go.
public final class ControllerService extends ControllerGrpc.ControllerImplBase {
    private static final List<Type> ALWAYS =
            List.of(
                    Type.CREATE_DELETE_VOLUME,
                    Type.LIST_VOLUMES,
                    Type.GET_VOLUME,
                    Type.GET_CAPACITY,
                    Type.SINGLE_NODE_MULTI_WRITER,
                    Type.GET_VOLUME_HEALTH,
                    Type.LIST_VOLUME_HEALTH);

    /// Beside [AttachmentCalls#CAPABILITIES]: without attachment the node does what these would do.
    private static final List<Type> WITH_ATTACHMENT =
            List.of(Type.EXPAND_VOLUME, Type.MODIFY_VOLUME);

    private final Volumes volumes;
    private final Operations operations;
    private final boolean attach;
    private final AttachmentCalls attachments;
    private final SnapshotCalls snapshots;
    private final HealthCalls health;
    private final ModifyCalls modifying;

    /// @param attach whether volumes are attached to nodes from here
    public ControllerService(
            Volumes volumes,
            PoolSnapshots snapshots,
            Health health,
            Operations operations,
            boolean attach) {
        this.volumes = volumes;
        this.attachments = new AttachmentCalls(volumes, operations);
        this.snapshots = new SnapshotCalls(snapshots, operations);
        this.health = new HealthCalls(health, List.of(), operations);
        this.operations = operations;
        this.attach = attach;
        this.modifying = new ModifyCalls(volumes, operations, attach);
    }

    @Override
    public void controllerGetCapabilities(
            ControllerGetCapabilitiesRequest request,
            StreamObserver<ControllerGetCapabilitiesResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    var reply = ControllerGetCapabilitiesResponse.newBuilder();
                    capabilities().forEach(type -> reply.addCapabilities(capability(type)));
                    return reply.build();
                });
    }

    /// What only some backends can do is advertised if one of the pools has such a backend.
    private List<Type> capabilities() {
        var all = new ArrayList<>(ALWAYS);
        if (attach) {
            all.addAll(AttachmentCalls.CAPABILITIES);
            all.addAll(WITH_ATTACHMENT);
        }
        if (volumes.canClone()) {
            all.add(Type.CLONE_VOLUME);
        }
        all.addAll(snapshots.capabilities());
        return all;
    }

    @Override
    public void createSnapshot(
            CreateSnapshotRequest request, StreamObserver<CreateSnapshotResponse> observer) {
        snapshots.create(request, observer);
    }

    @Override
    public void deleteSnapshot(
            DeleteSnapshotRequest request, StreamObserver<DeleteSnapshotResponse> observer) {
        snapshots.delete(request, observer);
    }

    @Override
    public void getSnapshot(
            GetSnapshotRequest request, StreamObserver<GetSnapshotResponse> observer) {
        snapshots.get(request, observer);
    }

    @Override
    public void listSnapshots(
            ListSnapshotsRequest request, StreamObserver<ListSnapshotsResponse> observer) {
        snapshots.list(request, observer);
    }

    @Override
    public void createVolume(
            CreateVolumeRequest request, StreamObserver<CreateVolumeResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    modifying.checkCreate(request);
                    var wanted = volumes.resolve(Requests.volumeRequest(request));
                    return operations.run(
                            wanted.id().toString(),
                            "CreateVolume",
                            request,
                            () -> Replies.createVolume(volumes.create(wanted)));
                });
    }

    @Override
    public void deleteVolume(
            DeleteVolumeRequest request, StreamObserver<DeleteVolumeResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    var id = VolumeId.parse(Requests.required(request.getVolumeId(), "volume_id"));
                    if (id.isEmpty()) {
                        return DeleteVolumeResponse.getDefaultInstance();
                    }
                    return operations.run(
                            request.getVolumeId(),
                            "DeleteVolume",
                            request,
                            () -> {
                                volumes.delete(id.get());
                                return DeleteVolumeResponse.getDefaultInstance();
                            });
                });
    }

    @Override
    public void controllerPublishVolume(
            ControllerPublishVolumeRequest request,
            StreamObserver<ControllerPublishVolumeResponse> observer) {
        if (attach) {
            attachments.attach(request, observer);
        } else {
            super.controllerPublishVolume(request, observer);
        }
    }

    @Override
    public void controllerUnpublishVolume(
            ControllerUnpublishVolumeRequest request,
            StreamObserver<ControllerUnpublishVolumeResponse> observer) {
        if (attach) {
            attachments.detach(request, observer);
        } else {
            super.controllerUnpublishVolume(request, observer);
        }
    }

    @Override
    public void validateVolumeCapabilities(
            ValidateVolumeCapabilitiesRequest request,
            StreamObserver<ValidateVolumeCapabilitiesResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    Requests.required(request.getVolumeId(), "volume_id");
                    var asked = Requests.capabilities(request.getVolumeCapabilitiesList());
                    var unsupported =
                            volumes.unsupported(Requests.existing(request.getVolumeId()), asked);
                    return unsupported
                            .map(ControllerService::unconfirmed)
                            .orElseGet(() -> confirmed(request));
                });
    }

    private static ValidateVolumeCapabilitiesResponse unconfirmed(String why) {
        return ValidateVolumeCapabilitiesResponse.newBuilder().setMessage(why).build();
    }

    private static ValidateVolumeCapabilitiesResponse confirmed(
            ValidateVolumeCapabilitiesRequest request) {
        return ValidateVolumeCapabilitiesResponse.newBuilder()
                .setConfirmed(
                        ValidateVolumeCapabilitiesResponse.Confirmed.newBuilder()
                                .putAllVolumeContext(request.getVolumeContextMap())
                                .addAllVolumeCapabilities(request.getVolumeCapabilitiesList())
                                .putAllParameters(request.getParametersMap()))
                .build();
    }

    @Override
    public void listVolumes(
            ListVolumesRequest request, StreamObserver<ListVolumesResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    var limit = Requests.limit(request.getMaxEntries());
                    var page =
                            volumes.list(Requests.startingToken(request.getStartingToken()), limit);
                    return Replies.listed(page, volume -> volumes.topology(volume.id()), attach);
                });
    }

    @Override
    public void controllerGetVolume(
            ControllerGetVolumeRequest request,
            StreamObserver<ControllerGetVolumeResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    var id =
                            Requests.existing(
                                    Requests.required(request.getVolumeId(), "volume_id"));
                    return Replies.found(
                            volumes.require(id), volumes.topology(id), volumes.publishedNodes(id));
                });
    }

    @Override
    public void controllerGetVolumeHealth(
            ControllerGetVolumeHealthRequest request,
            StreamObserver<ControllerGetVolumeHealthResponse> observer) {
        health.ofVolume(request, observer);
    }

    @Override
    public void controllerListVolumeHealth(
            ControllerListVolumeHealthRequest request,
            StreamObserver<ControllerListVolumeHealthResponse> observer) {
        health.list(request, observer);
    }

    @Override
    public void getCapacity(
            GetCapacityRequest request, StreamObserver<GetCapacityResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    Requests.checkKeys(request.getParametersMap());
                    var asked =
                            new Volumes.CapacityQuery(
                                    Requests.pool(request.getParametersMap()),
                                    Requests.provisioning(request.getParametersMap()),
                                    request.getVolumeCapabilitiesList().isEmpty()
                                            ? List.of()
                                            : Requests.capabilities(
                                                    request.getVolumeCapabilitiesList()),
                                    Requests.mkfsOptions(request.getParametersMap()),
                                    Requests.topology(request.getAccessibleTopology()));
                    return Replies.capacity(volumes.capacity(asked), volumes.smallestBytes(asked));
                });
    }

    @Override
    public void controllerExpandVolume(
            ControllerExpandVolumeRequest request,
            StreamObserver<ControllerExpandVolumeResponse> observer) {
        if (!attach) {
            super.controllerExpandVolume(request, observer);
            return;
        }
        operations.answer(
                observer,
                () -> {
                    Requests.required(request.getVolumeId(), "volume_id");
                    if (!request.hasCapacityRange()) {
                        throw new VolumeException(Reason.INVALID, "capacity_range is missing");
                    }
                    var size = Requests.capacity(request.getCapacityRange());
                    var id = Requests.existing(request.getVolumeId());
                    return operations.run(
                            request.getVolumeId(),
                            "ControllerExpandVolume",
                            request,
                            () -> Replies.expanded(volumes.expand(id, size)));
                });
    }

    @Override
    public void controllerModifyVolume(
            ControllerModifyVolumeRequest request,
            StreamObserver<ControllerModifyVolumeResponse> observer) {
        modifying.modify(request, observer);
    }

    private static ControllerServiceCapability capability(Type type) {
        return ControllerServiceCapability.newBuilder()
                .setRpc(ControllerServiceCapability.RPC.newBuilder().setType(type))
                .build();
    }
}
