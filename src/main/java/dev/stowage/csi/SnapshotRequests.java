package dev.stowage.csi;

import csi.v1.CreateSnapshotRequest;
import csi.v1.CreateVolumeRequest;
import csi.v1.ListSnapshotsRequest;
import dev.stowage.spi.FreezePermit;
import dev.stowage.spi.Snapshots;
import dev.stowage.volume.Content;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.VolumeId;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/// CSI's words for snapshots and copies as the domain's, and every check of such a request.
final class SnapshotRequests {
    /// Kubernetes adds keys with this prefix for its own use.
    private static final String KUBERNETES = "csi.storage.k8s.io/";

    private SnapshotRequests() {}

    /// What a volume is to begin with.
    static Content content(CreateVolumeRequest request) {
        if (!request.hasVolumeContentSource()) {
            return new Content.Blank();
        }
        var source = request.getVolumeContentSource();
        return switch (source.getTypeCase()) {
            case SNAPSHOT -> {
                var id = Requests.required(source.getSnapshot().getSnapshotId(), "snapshot_id");
                yield new Content.OfSnapshot(existing(id));
            }
            case VOLUME -> {
                var id = Requests.required(source.getVolume().getVolumeId(), "volume_id");
                yield new Content.OfVolume(Requests.existing(id));
            }
            case TYPE_NOT_SET ->
                    throw Requests.invalid(
                            "volume_content_source names neither a snapshot nor a volume");
        };
    }

    /// The id of a snapshot that must exist. What is not of our grammar names none of ours.
    static SnapshotId existing(String snapshotId) {
        return SnapshotId.parse(snapshotId).orElseThrow(() -> Snapshots.noSuchSnapshot(snapshotId));
    }

    /// For how long the VolumeSnapshotClass lets a volume in use be frozen; empty: not at all.
    static Optional<Duration> freezeAtMost(CreateSnapshotRequest request) {
        var parameters = request.getParametersMap();
        for (var key : parameters.keySet()) {
            if (!key.startsWith(KUBERNETES) && !key.equals(FreezePermit.KEY)) {
                throw Requests.invalid(
                        "parameter '%s' is not known: use %s".formatted(key, FreezePermit.KEY));
            }
        }
        return Optional.ofNullable(parameters.get(FreezePermit.KEY)).map(FreezePermit::parse);
    }

    static void requireNone(Map<String, String> parameters) {
        for (var key : parameters.keySet()) {
            if (!key.startsWith(KUBERNETES)) {
                throw Requests.invalid(
                        "parameter '%s' is not known: a class of group snapshots takes none"
                                .formatted(key));
            }
        }
    }

    /// Which snapshots are asked for.
    ///
    /// @param nothing a filter names what can't exist
    record Filter(
            Optional<SnapshotId> snapshot,
            Optional<VolumeId> source,
            Optional<SnapshotId> after,
            int limit,
            boolean nothing) {}

    static Filter filter(ListSnapshotsRequest request) {
        var limit = Requests.limit(request.getMaxEntries());
        var snapshot = SnapshotId.parse(request.getSnapshotId());
        var source = VolumeId.parse(request.getSourceVolumeId());
        var nothing =
                (snapshot.isEmpty() && !request.getSnapshotId().isEmpty())
                        || (source.isEmpty() && !request.getSourceVolumeId().isEmpty());
        return new Filter(snapshot, source, after(request.getStartingToken()), limit, nothing);
    }

    private static Optional<SnapshotId> after(String token) {
        return token.isEmpty()
                ? Optional.empty()
                : Optional.of(SnapshotId.parse(token).orElseThrow(() -> Requests.badToken(token)));
    }
}
