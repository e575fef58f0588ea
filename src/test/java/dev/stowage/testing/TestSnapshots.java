package dev.stowage.testing;

import csi.v1.CapacityRange;
import csi.v1.ControllerGrpc.ControllerBlockingStub;
import csi.v1.CreateSnapshotRequest;
import csi.v1.CreateVolumeRequest;
import csi.v1.DeleteSnapshotRequest;
import csi.v1.GetSnapshotRequest;
import csi.v1.ListSnapshotsRequest;
import csi.v1.ListSnapshotsResponse;
import csi.v1.Snapshot;
import csi.v1.Volume;
import csi.v1.VolumeContentSource;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/// The calls about snapshots and copies, as the snapshotter and the provisioner make them.
///
/// @param controller asked anew for each call: a stub has a deadline
public record TestSnapshots(Supplier<ControllerBlockingStub> controller) {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    public Snapshot create(String name, String source) {
        return create(name, source, Map.of());
    }

    /// @param parameters of the snapshot's class
    public Snapshot create(String name, String source, Map<String, String> parameters) {
        return controller
                .get()
                .createSnapshot(
                        CreateSnapshotRequest.newBuilder()
                                .setName(name)
                                .setSourceVolumeId(source)
                                .putAllParameters(parameters)
                                .build())
                .getSnapshot();
    }

    /// As the snapshotter does: asks until the snapshot is ready.
    public Snapshot createReady(String name, String source) throws Exception {
        var made = create(name, source);
        Polling.await(
                "snapshot " + name + " is ready",
                PATIENCE,
                () -> get(made.getSnapshotId()).getReadyToUse());
        return get(made.getSnapshotId());
    }

    public Snapshot get(String id) {
        return controller
                .get()
                .getSnapshot(GetSnapshotRequest.newBuilder().setSnapshotId(id).build())
                .getSnapshot();
    }

    public void delete(String id) {
        var request = DeleteSnapshotRequest.newBuilder().setSnapshotId(id).build();
        var _ = controller.get().deleteSnapshot(request);
    }

    public List<String> listed(ListSnapshotsRequest.Builder request) {
        return ids(page(request));
    }

    public ListSnapshotsResponse page(ListSnapshotsRequest.Builder request) {
        return controller.get().listSnapshots(request.build());
    }

    public static List<String> ids(ListSnapshotsResponse page) {
        return page.getEntriesList().stream().map(e -> e.getSnapshot().getSnapshotId()).toList();
    }

    public Volume make(CreateVolumeRequest.Builder request) {
        return controller.get().createVolume(request.build()).getVolume();
    }

    /// A volume of the pool.
    public static CreateVolumeRequest.Builder volume(
            String name, String pool, String fileSystem, long bytes) {
        return TestDriver.createRequest(name).toBuilder()
                .setCapacityRange(CapacityRange.newBuilder().setRequiredBytes(bytes))
                .putParameters("pool", pool)
                .putParameters("csi.storage.k8s.io/fstype", fileSystem);
    }

    public static VolumeContentSource snapshot(String id) {
        return VolumeContentSource.newBuilder()
                .setSnapshot(
                        VolumeContentSource.SnapshotSource.newBuilder().setSnapshotId(id).build())
                .build();
    }

    public static VolumeContentSource volume(String id) {
        return VolumeContentSource.newBuilder()
                .setVolume(VolumeContentSource.VolumeSource.newBuilder().setVolumeId(id).build())
                .build();
    }
}
