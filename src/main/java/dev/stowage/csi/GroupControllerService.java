package dev.stowage.csi;

import csi.v1.CreateVolumeGroupSnapshotRequest;
import csi.v1.CreateVolumeGroupSnapshotResponse;
import csi.v1.DeleteVolumeGroupSnapshotRequest;
import csi.v1.DeleteVolumeGroupSnapshotResponse;
import csi.v1.GetVolumeGroupSnapshotRequest;
import csi.v1.GetVolumeGroupSnapshotResponse;
import csi.v1.GroupControllerGetCapabilitiesRequest;
import csi.v1.GroupControllerGetCapabilitiesResponse;
import csi.v1.GroupControllerGrpc;
import csi.v1.GroupControllerServiceCapability;
import csi.v1.GroupControllerServiceCapability.RPC.Type;
import dev.stowage.pools.PoolGroups;
import dev.stowage.volume.GroupId;
import io.grpc.stub.StreamObserver;

/// CSI's GroupController service: snapshots of several volumes at one moment. Only where volumes
/// are attached from here: Kubernetes has no way to send such a request to the node that has them.
public final class GroupControllerService extends GroupControllerGrpc.GroupControllerImplBase {
    private final PoolGroups groups;
    private final Operations operations;

    public GroupControllerService(PoolGroups groups, Operations operations) {
        this.groups = groups;
        this.operations = operations;
    }

    @Override
    public void groupControllerGetCapabilities(
            GroupControllerGetCapabilitiesRequest request,
            StreamObserver<GroupControllerGetCapabilitiesResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    var reply = GroupControllerGetCapabilitiesResponse.newBuilder();
                    if (groups.possible()) {
                        reply.addCapabilities(
                                GroupControllerServiceCapability.newBuilder()
                                        .setRpc(
                                                GroupControllerServiceCapability.RPC
                                                        .newBuilder()
                                                        .setType(
                                                                Type
                                                                        .CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT)));
                    }
                    return reply.build();
                });
    }

    @Override
    public void createVolumeGroupSnapshot(
            CreateVolumeGroupSnapshotRequest request,
            StreamObserver<CreateVolumeGroupSnapshotResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    var name = Requests.name(request.getName());
                    var wanted = groups.resolve(name, GroupRequests.sources(request));
                    return operations.run(
                            wanted.id().toString(),
                            "CreateVolumeGroupSnapshot",
                            request,
                            () -> {
                                var made = groups.create(wanted);
                                return GroupReplies.created(made, groups.topology(made.id()));
                            });
                });
    }

    @Override
    public void deleteVolumeGroupSnapshot(
            DeleteVolumeGroupSnapshotRequest request,
            StreamObserver<DeleteVolumeGroupSnapshotResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    var text = Requests.required(request.getGroupSnapshotId(), "group_snapshot_id");
                    var id = GroupId.parse(text);
                    if (id.isEmpty()) {
                        return DeleteVolumeGroupSnapshotResponse.getDefaultInstance();
                    }
                    var members = GroupRequests.members(request.getSnapshotIdsList());
                    return operations.run(
                            text,
                            "DeleteVolumeGroupSnapshot",
                            request,
                            () -> {
                                groups.delete(id.get(), members);
                                return DeleteVolumeGroupSnapshotResponse.getDefaultInstance();
                            });
                });
    }

    @Override
    public void getVolumeGroupSnapshot(
            GetVolumeGroupSnapshotRequest request,
            StreamObserver<GetVolumeGroupSnapshotResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    var id =
                            GroupRequests.existing(
                                    Requests.required(
                                            request.getGroupSnapshotId(), "group_snapshot_id"));
                    var members = GroupRequests.members(request.getSnapshotIdsList());
                    return GroupReplies.found(groups.require(id, members), groups.topology(id));
                });
    }
}
