package dev.stowage.csi;

import csi.v1.ControllerServiceCapability.RPC.Type;
import csi.v1.CreateSnapshotRequest;
import csi.v1.CreateSnapshotResponse;
import csi.v1.DeleteSnapshotRequest;
import csi.v1.DeleteSnapshotResponse;
import csi.v1.GetSnapshotRequest;
import csi.v1.GetSnapshotResponse;
import csi.v1.ListSnapshotsRequest;
import csi.v1.ListSnapshotsResponse;
import dev.stowage.pools.PoolSnapshots;
import dev.stowage.volume.SnapshotId;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;

/// The calls of the Controller service that are about snapshots.
final class SnapshotCalls {
    private static final List<Type> CAPABILITIES =
            List.of(Type.CREATE_DELETE_SNAPSHOT, Type.LIST_SNAPSHOTS, Type.GET_SNAPSHOT);

    private static final String CREATE = "CreateSnapshot";

    private final PoolSnapshots snapshots;
    private final Operations operations;

    SnapshotCalls(PoolSnapshots snapshots, Operations operations) {
        this.snapshots = snapshots;
        this.operations = operations;
    }

    /// Whether there is anything to call.
    boolean possible() {
        return snapshots.possible();
    }

    List<Type> capabilities() {
        return possible() ? CAPABILITIES : List.of();
    }

    void create(CreateSnapshotRequest request, StreamObserver<CreateSnapshotResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    var name = Requests.name(request.getName());
                    Requests.required(request.getSourceVolumeId(), "source_volume_id");
                    var freezeAtMost = SnapshotRequests.freezeAtMost(request);
                    var source = Requests.existing(request.getSourceVolumeId());
                    var places = Requests.requisite(request.getAccessibilityRequirements());
                    var wanted = snapshots.resolve(name, source, places);
                    return operations.run(
                            wanted.id().toString(),
                            CREATE,
                            request,
                            () -> {
                                Callable<CreateSnapshotResponse> work =
                                        () -> created(wanted, freezeAtMost);
                                // Nothing is to change the mounts of a volume that is frozen.
                                return freezeAtMost.isEmpty()
                                        ? work.call()
                                        : operations.run(source.toString(), CREATE, request, work);
                            });
                });
    }

    private CreateSnapshotResponse created(
            PoolSnapshots.Wanted wanted, Optional<Duration> freezeAtMost) throws IOException {
        var made = snapshots.create(wanted, freezeAtMost);
        return SnapshotReplies.created(made, snapshots.topology(made.id()));
    }

    void delete(DeleteSnapshotRequest request, StreamObserver<DeleteSnapshotResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    var id =
                            SnapshotId.parse(
                                    Requests.required(request.getSnapshotId(), "snapshot_id"));
                    if (id.isEmpty()) {
                        return DeleteSnapshotResponse.getDefaultInstance();
                    }
                    return operations.run(
                            request.getSnapshotId(),
                            "DeleteSnapshot",
                            request,
                            () -> {
                                snapshots.delete(id.get());
                                return DeleteSnapshotResponse.getDefaultInstance();
                            });
                });
    }

    void get(GetSnapshotRequest request, StreamObserver<GetSnapshotResponse> observer) {
        operations.answer(
                observer,
                () -> {
                    var id =
                            SnapshotRequests.existing(
                                    Requests.required(request.getSnapshotId(), "snapshot_id"));
                    return SnapshotReplies.found(snapshots.require(id), snapshots.topology(id));
                });
    }

    void list(ListSnapshotsRequest request, StreamObserver<ListSnapshotsResponse> observer) {
        operations.answer(
                observer,
                () ->
                        SnapshotReplies.listed(
                                page(SnapshotRequests.filter(request)),
                                snapshot -> snapshots.topology(snapshot.id())));
    }

    private PoolSnapshots.Page page(SnapshotRequests.Filter filter) throws IOException {
        if (filter.nothing()) {
            return new PoolSnapshots.Page(List.of(), Optional.empty());
        }
        if (filter.snapshot().isEmpty()) {
            return snapshots.list(filter.source(), filter.after(), filter.limit());
        }
        var found = snapshots.listed(filter.snapshot().get());
        return new PoolSnapshots.Page(
                found
                        .filter(
                                s ->
                                        filter.source().isEmpty()
                                                || filter.source().get().equals(s.source()))
                        .stream()
                        .toList(),
                Optional.empty());
    }
}
