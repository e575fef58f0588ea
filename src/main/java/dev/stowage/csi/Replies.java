package dev.stowage.csi;

import com.google.protobuf.Int64Value;
import csi.v1.ControllerExpandVolumeResponse;
import csi.v1.ControllerGetVolumeResponse;
import csi.v1.ControllerPublishVolumeResponse;
import csi.v1.CreateVolumeResponse;
import csi.v1.GetCapacityResponse;
import csi.v1.ListVolumesResponse;
import csi.v1.NodeGetVolumeStatsResponse;
import csi.v1.VolumeUsage;
import dev.stowage.node.VolumeStats;
import dev.stowage.pools.Volumes;
import dev.stowage.spi.Attachment;
import dev.stowage.volume.Capacity;
import dev.stowage.volume.Limits;
import dev.stowage.volume.ListedVolume;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Topology;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import io.grpc.Status;
import io.grpc.StatusException;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The domain's words as CSI's. The only place that knows gRPC's status codes.
final class Replies {
    private static final Logger LOG = LoggerFactory.getLogger(Replies.class);

    /// Callers take 8 KiB of trailers by default; more would cost them the code too.
    private static final int MAX_DESCRIPTION_BYTES = 6 << 10;

    /// gRPC sends what is not printable ASCII as `%XX` for each byte of its UTF-8.
    private static final int MAX_ENCODED_CHARACTER = 9;

    private Replies() {}

    static CreateVolumeResponse createVolume(Volumes.Created created) {
        return CreateVolumeResponse.newBuilder()
                .setVolume(
                        volume(created.volume())
                                .addAccessibleTopology(topology(created.topology())))
                .build();
    }

    static ControllerPublishVolumeResponse published(Attachment attachment, Limits limits) {
        return ControllerPublishVolumeResponse.newBuilder()
                .putAllPublishContext(PublishContext.encode(attachment, limits))
                .build();
    }

    /// The node must always follow: the device takes its new size there, and so does a file system.
    static ControllerExpandVolumeResponse expanded(Volume volume) {
        return ControllerExpandVolumeResponse.newBuilder()
                .setCapacityBytes(volume.capacityBytes())
                .setNodeExpansionRequired(true)
                .build();
    }

    static ListVolumesResponse listed(
            Volumes.Page page, Function<Volume, Topology> topology, boolean withHolders) {
        var reply = ListVolumesResponse.newBuilder();
        var places = new HashMap<String, csi.v1.Topology>(); // one for each pool
        for (var listed : page.volumes()) {
            var volume = listed.volume();
            var place =
                    places.computeIfAbsent(
                            volume.id().poolTag(), _ -> topology(topology.apply(volume)));
            reply.addEntries(entry(listed, place, withHolders));
        }
        page.next().ifPresent(next -> reply.setNextToken(next.toString()));
        return reply.build();
    }

    private static ListVolumesResponse.Entry entry(
            ListedVolume listed, csi.v1.Topology place, boolean withHolders) {
        var entry =
                ListVolumesResponse.Entry.newBuilder()
                        .setVolume(volume(listed.volume()).addAccessibleTopology(place));
        if (withHolders) {
            entry.setStatus(
                    ListVolumesResponse.VolumeStatus.newBuilder()
                            .addAllPublishedNodeIds(texts(listed.publishedNodes())));
        }
        return entry.build();
    }

    static ControllerGetVolumeResponse found(
            Volume volume, Topology topology, List<NodeId> holders) {
        return ControllerGetVolumeResponse.newBuilder()
                .setVolume(volume(volume).addAccessibleTopology(topology(topology)))
                .setStatus(
                        ControllerGetVolumeResponse.VolumeStatus.newBuilder()
                                .addAllPublishedNodeIds(texts(holders)))
                .build();
    }

    static GetCapacityResponse capacity(Capacity capacity, long smallestBytes) {
        return GetCapacityResponse.newBuilder()
                .setAvailableCapacity(capacity.availableBytes())
                .setMaximumVolumeSize(Int64Value.of(capacity.largestVolumeBytes()))
                .setMinimumVolumeSize(Int64Value.of(smallestBytes))
                .build();
    }

    static NodeGetVolumeStatsResponse stats(VolumeStats stats) {
        var reply =
                NodeGetVolumeStatsResponse.newBuilder()
                        .addUsage(
                                VolumeUsage.newBuilder()
                                        .setUnit(VolumeUsage.Unit.BYTES)
                                        .setTotal(stats.totalBytes())
                                        .setUsed(stats.usedBytes())
                                        .setAvailable(stats.availableBytes()));
        if (!stats.block()) {
            reply.addUsage(
                    VolumeUsage.newBuilder()
                            .setUnit(VolumeUsage.Unit.INODES)
                            .setTotal(stats.inodes())
                            .setUsed(stats.usedInodes())
                            .setAvailable(stats.freeInodes()));
        }
        return reply.build();
    }

    static csi.v1.Topology topology(Topology topology) {
        return csi.v1.Topology.newBuilder().putAllSegments(topology.segments()).build();
    }

    private static csi.v1.Volume.Builder volume(Volume volume) {
        var reply =
                csi.v1.Volume.newBuilder()
                        .setVolumeId(volume.id().toString())
                        .setCapacityBytes(volume.capacityBytes());
        SnapshotReplies.source(volume.content()).ifPresent(reply::setContentSource);
        return reply;
    }

    private static List<String> texts(List<NodeId> nodes) {
        return nodes.stream().map(NodeId::value).toList();
    }

    /// The status for whatever ended an RPC. Never UNKNOWN: sidecars take that as final.
    static StatusException error(Throwable error) {
        if (!(error instanceof VolumeException) && !(error instanceof ReportedException)) {
            LOG.error("a request failed", error);
        }
        return status(error).asException();
    }

    /// For an RPC that the driver does not offer as it is configured.
    static StatusException notOffered(String why) {
        return with(Status.UNIMPLEMENTED, why).asException();
    }

    /// The status for a caller that has given up. It hears of it no more, but the log does.
    static StatusException gone() {
        return Status.CANCELLED.withDescription("the caller has given up").asException();
    }

    private static Status status(Throwable error) {
        return switch (error) {
            case VolumeException refused -> with(status(refused.reason()), refused.getMessage());
            case ReportedException reported -> status(Objects.requireNonNull(reported.getCause()));
            case IOException machine -> with(Status.INTERNAL, machine.getMessage());
            default ->
                    with(
                            Status.INTERNAL,
                            "the driver failed unexpectedly (%s); its log has the details"
                                    .formatted(error));
        };
    }

    private static Status with(Status status, @Nullable String description) {
        return status.withDescription(cut(String.valueOf(description)));
    }

    private static String cut(String text) {
        var bytes = 0;
        for (var i = 0; i < text.length(); i++) {
            var c = text.charAt(i);
            bytes += c >= ' ' && c <= '~' ? 1 : MAX_ENCODED_CHARACTER;
            if (bytes > MAX_DESCRIPTION_BYTES) {
                return text.substring(0, i) + "...";
            }
        }
        return text;
    }

    private static Status status(Reason reason) {
        return switch (reason) {
            case INVALID -> Status.INVALID_ARGUMENT;
            case NOT_FOUND -> Status.NOT_FOUND;
            case ALREADY_EXISTS -> Status.ALREADY_EXISTS;
            case OUT_OF_RANGE -> Status.OUT_OF_RANGE;
            case NO_SPACE -> Status.RESOURCE_EXHAUSTED;
            case FAILED_PRECONDITION -> Status.FAILED_PRECONDITION;
            case UNAVAILABLE -> Status.UNAVAILABLE;
            case BUSY, BAD_TOKEN -> Status.ABORTED;
            case DAMAGED -> Status.INTERNAL;
        };
    }
}
