package dev.stowage.csi;

import csi.v1.ControllerModifyVolumeRequest;
import csi.v1.ControllerModifyVolumeResponse;
import csi.v1.CreateVolumeRequest;
import dev.stowage.pools.Volumes;
import dev.stowage.volume.LimitSettings;
import io.grpc.stub.StreamObserver;

/// What may change about a volume while it is in use: ControllerModifyVolume, and the mutable
/// parameters of CreateVolume.
final class ModifyCalls {
    private static final String NO_ROUTE =
            "with attach: false mutable parameters are not offered: the sidecars cannot route a change to the node that has the volume; use parameters of the StorageClass";

    private final Volumes volumes;
    private final Operations operations;
    private final boolean attach;

    ModifyCalls(Volumes volumes, Operations operations, boolean attach) {
        this.volumes = volumes;
        this.operations = operations;
        this.attach = attach;
    }

    void checkCreate(CreateVolumeRequest request) {
        if (!attach && !request.getModifiableParametersMap().isEmpty()) {
            throw Requests.invalid(NO_ROUTE);
        }
    }

    void modify(
            ControllerModifyVolumeRequest request,
            StreamObserver<ControllerModifyVolumeResponse> observer) {
        if (!attach) {
            observer.onError(Replies.notOffered(NO_ROUTE));
            return;
        }
        operations.answer(
                observer,
                () -> {
                    Requests.required(request.getVolumeId(), "volume_id");
                    if (request.getMutableParametersMap().isEmpty()) {
                        throw Requests.invalid("mutable_parameters are missing");
                    }
                    var id = Requests.existing(request.getVolumeId());
                    var limits = LimitSettings.mutable(request.getMutableParametersMap());
                    return operations.run(
                            request.getVolumeId(),
                            "ControllerModifyVolume",
                            request,
                            () -> {
                                var _ = volumes.modify(id, limits);
                                return ControllerModifyVolumeResponse.getDefaultInstance();
                            });
                });
    }
}
