package dev.stowage.csi;

import com.google.protobuf.Timestamp;
import csi.v1.CreateSnapshotResponse;
import csi.v1.GetSnapshotResponse;
import csi.v1.ListSnapshotsResponse;
import csi.v1.VolumeContentSource;
import dev.stowage.pools.PoolSnapshots;
import dev.stowage.volume.Content;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.Topology;
import java.time.Instant;
import java.util.HashMap;
import java.util.Optional;
import java.util.function.Function;

/// Snapshots and the sources of volumes as CSI's.
final class SnapshotReplies {
    private SnapshotReplies() {}

    static CreateSnapshotResponse created(Snapshot snapshot, Topology topology) {
        return CreateSnapshotResponse.newBuilder()
                .setSnapshot(snapshot(snapshot, topology))
                .build();
    }

    static GetSnapshotResponse found(Snapshot snapshot, Topology topology) {
        return GetSnapshotResponse.newBuilder().setSnapshot(snapshot(snapshot, topology)).build();
    }

    static ListSnapshotsResponse listed(
            PoolSnapshots.Page page, Function<Snapshot, Topology> topology) {
        var reply = ListSnapshotsResponse.newBuilder();
        var places = new HashMap<String, Topology>(); // one for each pool
        for (var snapshot : page.snapshots()) {
            var place =
                    places.computeIfAbsent(snapshot.id().poolTag(), _ -> topology.apply(snapshot));
            reply.addEntries(
                    ListSnapshotsResponse.Entry.newBuilder()
                            .setSnapshot(snapshot(snapshot, place)));
        }
        page.next().ifPresent(next -> reply.setNextToken(next.toString()));
        return reply.build();
    }

    static csi.v1.Snapshot snapshot(Snapshot snapshot, Topology topology) {
        var reply = csi.v1.Snapshot.newBuilder();
        snapshot.group().ifPresent(group -> reply.setGroupSnapshotId(group.toString()));
        return reply.setSnapshotId(snapshot.id().toString())
                .setSourceVolumeId(snapshot.source().toString())
                .setSizeBytes(snapshot.requestedBytes()) // see decision 016
                .setCreationTime(time(snapshot.created()))
                .setReadyToUse(snapshot.ready())
                .addAccessibleTopology(Replies.topology(topology))
                .build();
    }

    static Timestamp.Builder time(Instant at) {
        return Timestamp.newBuilder().setSeconds(at.getEpochSecond()).setNanos(at.getNano());
    }

    /// What a volume began with, as it must be said whenever the volume is spoken of.
    static Optional<VolumeContentSource> source(Content content) {
        return switch (content) {
            case Content.Blank _ -> Optional.empty();
            case Content.OfSnapshot(var id) ->
                    Optional.of(
                            VolumeContentSource.newBuilder()
                                    .setSnapshot(
                                            VolumeContentSource.SnapshotSource.newBuilder()
                                                    .setSnapshotId(id.toString()))
                                    .build());
            case Content.OfVolume(var id) ->
                    Optional.of(
                            VolumeContentSource.newBuilder()
                                    .setVolume(
                                            VolumeContentSource.VolumeSource.newBuilder()
                                                    .setVolumeId(id.toString()))
                                    .build());
        };
    }
}
