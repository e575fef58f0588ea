package dev.stowage.demo;

import csi.v1.BlockMetadata;
import csi.v1.Snapshot;
import dev.stowage.lab.Narration;
import dev.stowage.volume.Quantities;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;

/// What changed between two snapshots of a raw device, told by the driver and known to the tour.
record TourBlocks(TourNode node, Narration narration, TourVolume device, long bytes) {
    private static final int BLOCK_BYTES = 4096;
    private static final int WRITTEN = 1000;
    private static final int CHANGED = 100;

    void tell() throws IOException {
        var base =
                narration.step(
                        "write",
                        () -> writeAndTake("base", scattered(WRITTEN)),
                        _ -> "%d scattered blocks of 4 KiB; snapshot".formatted(WRITTEN));
        var changed = scattered(CHANGED);
        var target =
                narration.step(
                        "change",
                        () -> writeAndTake("target", changed),
                        _ -> "%d scattered blocks again; snapshot".formatted(CHANGED));
        narration.step("changed", () -> changes(base, target, changed));
        for (var snapshot : List.of(base, target)) {
            node.snapshots().delete(snapshot.getSnapshotId());
        }
    }

    /// Offsets, no two the same.
    private Set<Long> scattered(int count) {
        var random = new Random();
        var offsets = new TreeSet<Long>();
        while (offsets.size() < count) {
            offsets.add(random.nextLong(bytes / BLOCK_BYTES) * BLOCK_BYTES);
        }
        return offsets;
    }

    private Snapshot writeAndTake(String name, Set<Long> offsets) throws IOException {
        write(device.target(), offsets);
        return node.snapshots().create(name, device.id());
    }

    private static void write(Path device, Set<Long> offsets) throws IOException {
        var content = new byte[BLOCK_BYTES];
        new Random().nextBytes(content);
        try (var channel = FileChannel.open(device, StandardOpenOption.WRITE)) {
            for (var offset : offsets) {
                var block = ByteBuffer.wrap(content);
                while (block.hasRemaining()) {
                    var _ = channel.write(block, offset + block.position());
                }
            }
            channel.force(true);
        }
    }

    private String changes(Snapshot base, Snapshot target, Set<Long> changed) throws IOException {
        var ranges = node.snapshots().changes(base.getSnapshotId(), target.getSnapshotId());
        requireAll(changed, ranges);
        var listed = ranges.stream().mapToLong(BlockMetadata::getSizeBytes).sum();
        return "listed: %s of %s, among them all %d blocks"
                .formatted(Quantities.text(listed), Quantities.text(bytes), changed.size());
    }

    private static void requireAll(Set<Long> changed, List<BlockMetadata> listed)
            throws IOException {
        for (var offset : changed) {
            var found =
                    listed.stream()
                            .anyMatch(
                                    range ->
                                            range.getByteOffset() <= offset
                                                    && offset + BLOCK_BYTES
                                                            <= range.getByteOffset()
                                                                    + range.getSizeBytes());
            if (!found) {
                throw new IOException(
                        "the block at %d was written and is not listed".formatted(offset));
            }
        }
    }
}
