package dev.stowage.csi;

import csi.v1.CreateVolumeGroupSnapshotResponse;
import csi.v1.GetVolumeGroupSnapshotResponse;
import csi.v1.VolumeGroupSnapshot;
import dev.stowage.volume.GroupSnapshot;
import dev.stowage.volume.Topology;

/// Group snapshots as CSI's.
final class GroupReplies {
    private GroupReplies() {}

    static CreateVolumeGroupSnapshotResponse created(GroupSnapshot group, Topology topology) {
        return CreateVolumeGroupSnapshotResponse.newBuilder()
                .setGroupSnapshot(group(group, topology))
                .build();
    }

    static GetVolumeGroupSnapshotResponse found(GroupSnapshot group, Topology topology) {
        return GetVolumeGroupSnapshotResponse.newBuilder()
                .setGroupSnapshot(group(group, topology))
                .build();
    }

    private static VolumeGroupSnapshot group(GroupSnapshot group, Topology topology) {
        var reply =
                VolumeGroupSnapshot.newBuilder()
                        .setGroupSnapshotId(group.id().toString())
                        .setCreationTime(SnapshotReplies.time(group.created()))
                        .setReadyToUse(group.ready());
        for (var member : group.members()) {
            reply.addSnapshots(SnapshotReplies.snapshot(member, topology));
        }
        return reply.build();
    }
}
