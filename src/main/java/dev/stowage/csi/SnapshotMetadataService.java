package dev.stowage.csi;

import csi.v1.BlockMetadata;
import csi.v1.BlockMetadataType;
import csi.v1.GetMetadataAllocatedRequest;
import csi.v1.GetMetadataAllocatedResponse;
import csi.v1.GetMetadataDeltaRequest;
import csi.v1.GetMetadataDeltaResponse;
import csi.v1.SnapshotMetadataGrpc;
import dev.stowage.pools.SnapshotBlocks;
import dev.stowage.pools.SnapshotBlocks.Listed;
import dev.stowage.volume.BlockList;
import dev.stowage.volume.IoSupplier;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.function.Function;

/// CSI's SnapshotMetadata service: which blocks of a snapshot hold something, and which changed
/// between two. It changes nothing and waits for no change of a volume.
public final class SnapshotMetadataService extends SnapshotMetadataGrpc.SnapshotMetadataImplBase {
    /// Ranges in one message, some 20 KiB; a caller may ask for fewer.
    private static final int MOST_RANGES = 1000;

    /// Each has a thread for as long as its caller reads, and the other calls need some too.
    private static final int AT_ONCE = 16;

    /// Callers copy blocks while they read the list.
    private static final Duration PATIENCE = Duration.ofMinutes(10);

    private final SnapshotBlocks blocks;
    private final Semaphore free = new Semaphore(AT_ONCE);
    private final Duration patience;

    public SnapshotMetadataService(SnapshotBlocks blocks) {
        this(blocks, PATIENCE);
    }

    SnapshotMetadataService(SnapshotBlocks blocks, Duration patience) {
        this.blocks = blocks;
        this.patience = patience;
    }

    @Override
    public void getMetadataAllocated(
            GetMetadataAllocatedRequest request,
            StreamObserver<GetMetadataAllocatedResponse> observer) {
        new ReplyStream<>(observer, patience)
                .of(
                        replies -> {
                            Requests.required(request.getSnapshotId(), "snapshot_id");
                            var most = most(request.getMaxResults());
                            var id = SnapshotRequests.existing(request.getSnapshotId());
                            stream(
                                    () -> blocks.allocated(id, request.getStartingOffset()),
                                    most,
                                    page ->
                                            GetMetadataAllocatedResponse.newBuilder()
                                                    .setBlockMetadataType(
                                                            BlockMetadataType.VARIABLE_LENGTH)
                                                    .setVolumeCapacityBytes(page.volumeBytes())
                                                    .addAllBlockMetadata(page.blocks())
                                                    .build(),
                                    replies);
                        });
    }

    @Override
    public void getMetadataDelta(
            GetMetadataDeltaRequest request, StreamObserver<GetMetadataDeltaResponse> observer) {
        new ReplyStream<>(observer, patience)
                .of(
                        replies -> {
                            Requests.required(request.getBaseSnapshotId(), "base_snapshot_id");
                            Requests.required(request.getTargetSnapshotId(), "target_snapshot_id");
                            var most = most(request.getMaxResults());
                            var base = SnapshotRequests.existing(request.getBaseSnapshotId());
                            var target = SnapshotRequests.existing(request.getTargetSnapshotId());
                            var from = request.getStartingOffset();
                            stream(
                                    () -> blocks.changed(base, target, from, replies::cancelled),
                                    most,
                                    page ->
                                            GetMetadataDeltaResponse.newBuilder()
                                                    .setBlockMetadataType(
                                                            BlockMetadataType.VARIABLE_LENGTH)
                                                    .setVolumeCapacityBytes(page.volumeBytes())
                                                    .addAllBlockMetadata(page.blocks())
                                                    .build(),
                                    replies);
                        });
    }

    private static int most(int maxResults) {
        if (maxResults < 0) {
            throw Requests.invalid(
                    "max_results is %d: use 0 for as many as fit, or a positive number"
                            .formatted(maxResults));
        }
        return maxResults == 0 ? MOST_RANGES : Math.min(maxResults, MOST_RANGES);
    }

    private record Page(long volumeBytes, List<BlockMetadata> blocks) {}

    /// Sends page after page; also an empty list has one, which tells the volume's size.
    private <T> void stream(
            IoSupplier<Listed> opening, int most, Function<Page, T> message, ReplyStream<T> replies)
            throws IOException {
        if (!free.tryAcquire()) {
            throw new VolumeException(
                    Reason.UNAVAILABLE,
                    "%d lists of blocks are being read: retry when one has ended"
                            .formatted(AT_ONCE));
        }
        try (var listed = opening.get()) {
            var ranges = page(listed.blocks(), most);
            do {
                replies.send(message.apply(new Page(listed.volumeBytes(), ranges)));
                ranges = page(listed.blocks(), most);
            } while (!ranges.isEmpty());
        } finally {
            free.release();
        }
    }

    private static List<BlockMetadata> page(BlockList list, int most) throws IOException {
        var page = new ArrayList<BlockMetadata>();
        while (page.size() < most) {
            var range = list.next();
            if (range.isEmpty()) {
                break;
            }
            page.add(
                    BlockMetadata.newBuilder()
                            .setByteOffset(range.get().offset())
                            .setSizeBytes(range.get().bytes())
                            .build());
        }
        return page;
    }
}
