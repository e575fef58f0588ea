package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.linux.Command;
import dev.stowage.linux.Fd;
import dev.stowage.linux.FileExtents;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.BlockList;
import dev.stowage.volume.ByteRange;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Lists of changed blocks: what is read for them, and what compression makes of them.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
final class ChangedBlocksOnDiskTest {
    private static final long MIB = 1L << 20;
    private static final int BLOCK = 4096;
    private static final Duration LIMIT = Duration.ofSeconds(20);

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    private interface Work {
        void on(FileBackend backend) throws Exception;
    }

    private void onDisk(LoopFileSystem.Kind kind, long bytes, Work work) throws Exception {
        try (var disk = LoopFileSystem.make(folder, "disk", kind, bytes);
                var pool =
                        new TestPool(
                                disk.mountPoint().resolve("pool"),
                                folder.resolve("state"),
                                false)) {
            work.on(pool.open());
        }
    }

    private static Snapshot snapshot(FileBackend backend, String name, VolumeId source)
            throws IOException {
        var made = backend.createSnapshot(SnapshotId.of(backend.pool(), name), name, source);
        assertThat(made.ready()).isTrue();
        return made;
    }

    /// One block at each multiple of `step`, shifted by `shift`.
    private static void writeBlocks(Path image, long step, long shift, int count, int value)
            throws IOException {
        var block = new byte[BLOCK];
        Arrays.fill(block, (byte) value);
        try (var fd = Fd.open(image, OpenFlags.O_RDWR)) {
            for (var i = 0; i < count; i++) {
                assertThat(fd.write(ByteBuffer.wrap(block), i * step + shift)).isEqualTo(BLOCK);
            }
            fd.fsync();
        }
    }

    private static List<ByteRange> ranges(BlockList opened) throws IOException {
        try (var list = opened) {
            var ranges = new ArrayList<ByteRange>();
            for (var next = list.next(); next.isPresent(); next = list.next()) {
                ranges.add(next.get());
            }
            return ranges;
        }
    }

    /// What read(2) and its kin have given this thread since it began.
    private static long readByThisThread() throws IOException {
        for (var line : Files.readAllLines(Path.of("/proc/thread-self/io"))) {
            if (line.startsWith("rchar: ")) {
                return Long.parseLong(line.substring(7));
            }
        }
        throw new IOException("/proc/thread-self/io has no rchar");
    }

    private record Listing(List<ByteRange> ranges, long bytesRead, long nanos) {}

    private static Listing list(FileBackend backend, Snapshot base, Snapshot target)
            throws IOException {
        var before = readByThisThread();
        var begun = System.nanoTime();
        var ranges = ranges(backend.changed(base, target, 0, () -> false));
        var nanos = System.nanoTime() - begun;
        return new Listing(ranges, readByThisThread() - before, nanos);
    }

    @Test
    void whereBlocksAreSharedNoDataIsReadForAList() throws Exception {
        onDisk(
                LoopFileSystem.Kind.XFS,
                36L << 30,
                backend -> {
                    var volume =
                            backend.create(
                                    VolumeId.of(backend.pool(), "v"), Specs.thick("v", 10L << 30));
                    var image = backend.image(volume.id());
                    writeBlocks(image, 5 * MIB, 0, 2000, 1);
                    var base = snapshot(backend, "base", volume.id());
                    writeBlocks(image, 10 * MIB, MIB, 500, 2); // new ones
                    writeBlocks(image, 10 * MIB, 0, 500, 3); // other ones
                    var target = snapshot(backend, "target", volume.id());
                    var first = list(backend, base, target);
                    var again = list(backend, base, target);
                    System.out.printf(
                            "changed blocks of 10 GiB on XFS: %d ranges, %.1f ms cold, %.1f ms warm, %d bytes read%n",
                            first.ranges().size(),
                            first.nanos() / 1e6,
                            again.nanos() / 1e6,
                            again.bytesRead());
                    assertThat(first.ranges()).hasSize(1000).allMatch(r -> r.bytes() == BLOCK);
                    assertThat(again.ranges()).isEqualTo(first.ranges());
                    assertThat(again.bytesRead()).isLessThan(BLOCK); // but for the counter's file
                });
    }

    /// The counter sees what is read where data must be compared.
    @Test
    void whereBytesAreCopiedWhatIsWrittenIsReadForAList() throws Exception {
        onDisk(
                LoopFileSystem.Kind.EXT4,
                128 * MIB,
                backend -> {
                    var volume =
                            backend.create(
                                    VolumeId.of(backend.pool(), "v"), Specs.thin("v", 16 * MIB));
                    var image = backend.image(volume.id());
                    writeBlocks(image, 2 * MIB, 0, 8, 1);
                    var base = snapshot(backend, "base", volume.id());
                    writeBlocks(image, 2 * MIB, 0, 3, 2);
                    var target = snapshot(backend, "target", volume.id());
                    var listing = list(backend, base, target);
                    assertThat(listing.ranges())
                            .extracting(ByteRange::offset)
                            .containsExactly(0L, 2 * MIB, 4 * MIB);
                    assertThat(listing.bytesRead())
                            .isGreaterThan(2 * 8 * BLOCK)
                            .isLessThan(4 * MIB); // holes are not read
                });
    }

    @Test
    void compressedExtentsAreComparedByTheirBytes() throws Exception {
        onDisk(
                LoopFileSystem.Kind.BTRFS,
                512 * MIB,
                backend -> {
                    var pool = folder.resolve("disk/pool");
                    Command.run(
                            List.of(
                                    "btrfs",
                                    "property",
                                    "set",
                                    pool.resolve(".incoming").toString(),
                                    "compression",
                                    "zstd"),
                            LIMIT);
                    var volume =
                            backend.create(
                                    VolumeId.of(backend.pool(), "v"), Specs.thin("v", 16 * MIB));
                    var image = backend.image(volume.id());
                    writeBlocks(image, BLOCK, 0, 1024, 1);
                    var base = snapshot(backend, "base", volume.id());
                    assertThat(encodedExtents(image)).isPositive();
                    writeBlocks(image, 20L * BLOCK, 3L * BLOCK, 50, 2);
                    writeBlocks(image, 20L * BLOCK, 5L * BLOCK, 50, 1); // the same again
                    var target = snapshot(backend, "target", volume.id());
                    var changed = ranges(backend.changed(base, target, 0, () -> false));
                    var blocks =
                            changed.stream()
                                    .flatMapToLong(
                                            r ->
                                                    LongStream.range(
                                                            r.offset() / BLOCK, r.end() / BLOCK))
                                    .boxed()
                                    .toList();
                    for (var i = 0L; i < 50; i++) {
                        assertThat(blocks).contains(20 * i + 3);
                    }
                    assertThat(blocks).allMatch(b -> b % 20 == 3 || b % 20 == 5);
                });
    }

    private static int encodedExtents(Path image) throws IOException {
        var count = new AtomicInteger();
        try (var fd = Fd.open(image, OpenFlags.O_RDONLY)) {
            FileExtents.each(fd, 0, e -> count.addAndGet(e.verbatim() ? 0 : 1));
        }
        return count.get();
    }
}
