package dev.stowage.client;

import csi.v1.BlockMetadata;
import csi.v1.CreateSnapshotRequest;
import csi.v1.CreateVolumeGroupSnapshotRequest;
import csi.v1.DeleteSnapshotRequest;
import csi.v1.DeleteVolumeGroupSnapshotRequest;
import csi.v1.GetMetadataDeltaRequest;
import csi.v1.Snapshot;
import csi.v1.VolumeGroupSnapshot;
import java.util.ArrayList;
import java.util.List;

/// The calls about snapshots that Kubernetes' snapshotter and a backup make.
public record SnapshotClient(CsiClient client) {
    public Snapshot create(String name, String volume) {
        return client.controller()
                .createSnapshot(
                        CreateSnapshotRequest.newBuilder()
                                .setName(name)
                                .setSourceVolumeId(volume)
                                .build())
                .getSnapshot();
    }

    public void delete(String snapshot) {
        var _ =
                client.controller()
                        .deleteSnapshot(
                                DeleteSnapshotRequest.newBuilder().setSnapshotId(snapshot).build());
    }

    public VolumeGroupSnapshot createGroup(String name, List<String> volumes) {
        return client.groups()
                .createVolumeGroupSnapshot(
                        CreateVolumeGroupSnapshotRequest.newBuilder()
                                .setName(name)
                                .addAllSourceVolumeIds(volumes)
                                .build())
                .getGroupSnapshot();
    }

    /// With its snapshots.
    public void deleteGroup(VolumeGroupSnapshot group) {
        var members = group.getSnapshotsList().stream().map(Snapshot::getSnapshotId).toList();
        var _ =
                client.groups()
                        .deleteVolumeGroupSnapshot(
                                DeleteVolumeGroupSnapshotRequest.newBuilder()
                                        .setGroupSnapshotId(group.getGroupSnapshotId())
                                        .addAllSnapshotIds(members)
                                        .build());
    }

    /// What changed between two snapshots of a volume.
    public List<BlockMetadata> changes(String base, String target) {
        var ranges = new ArrayList<BlockMetadata>();
        client.snapshotMetadata()
                .getMetadataDelta(
                        GetMetadataDeltaRequest.newBuilder()
                                .setBaseSnapshotId(base)
                                .setTargetSnapshotId(target)
                                .build())
                .forEachRemaining(answer -> ranges.addAll(answer.getBlockMetadataList()));
        return ranges;
    }
}
