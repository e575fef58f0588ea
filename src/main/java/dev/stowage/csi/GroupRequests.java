package dev.stowage.csi;

import csi.v1.CreateVolumeGroupSnapshotRequest;
import dev.stowage.spi.GroupSnapshots;
import dev.stowage.volume.GroupId;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.VolumeId;
import java.util.HashSet;
import java.util.List;

/// CSI's words for group snapshots as the domain's, and every check of such a request.
final class GroupRequests {
    private GroupRequests() {}

    /// The volumes of a group that is to be made.
    static List<VolumeId> sources(CreateVolumeGroupSnapshotRequest request) {
        if (request.getSourceVolumeIdsCount() == 0) {
            throw Requests.invalid("source_volume_ids is empty");
        }
        if (new HashSet<>(request.getSourceVolumeIdsList()).size()
                != request.getSourceVolumeIdsCount()) {
            throw Requests.invalid("source_volume_ids names a volume twice");
        }
        SnapshotRequests.requireNone(request.getParametersMap());
        return request.getSourceVolumeIdsList().stream().map(Requests::existing).toList();
    }

    /// The id of a group that must exist. What is not of our grammar names none of ours.
    static GroupId existing(String groupId) {
        return GroupId.parse(groupId).orElseThrow(() -> GroupSnapshots.noSuchGroup(groupId));
    }

    /// The members as the caller knows them.
    static List<SnapshotId> members(List<String> ids) {
        return ids.stream()
                .map(
                        id ->
                                SnapshotId.parse(id)
                                        .orElseThrow(
                                                () ->
                                                        Requests.invalid(
                                                                "'%s' is no member of any group snapshot"
                                                                        .formatted(id))))
                .toList();
    }
}
