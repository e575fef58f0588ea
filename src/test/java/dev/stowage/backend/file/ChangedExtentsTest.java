package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.linux.Fd;
import dev.stowage.linux.FileExtents.Extent;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.ByteRange;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What follows from two lists of extents, which no file system gives as they are wanted here.
final class ChangedExtentsTest {
    private static final int BLOCK = 4096;
    private static final int ENCODED = 0x8;
    private static final int INLINE = 0x200 | 0x100;
    private static final int UNWRITTEN = 0x800;

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    /// Sizes and places in blocks.
    private static Extent extent(long offset, long physical, long blocks, int flags) {
        return new Extent(offset * BLOCK, physical * BLOCK, blocks * BLOCK, flags);
    }

    private static ByteRange range(long offset, long blocks) {
        return new ByteRange(offset * BLOCK, blocks * BLOCK);
    }

    /// Over 64 blocks. Bytes are only there to be compared where that is needed: what is `x` in
    /// one block of the target is 0 in the base.
    private List<ByteRange> changes(
            List<Extent> base, List<Extent> target, int differingBlock, BooleanSupplier stop)
            throws IOException {
        var bytes = new byte[64 * BLOCK];
        Files.write(folder.resolve("base"), bytes);
        bytes[differingBlock * BLOCK + 17] = 'x';
        Files.write(folder.resolve("target"), bytes);
        try (var old = Fd.open(folder.resolve("base"), OpenFlags.O_RDONLY);
                var now = Fd.open(folder.resolve("target"), OpenFlags.O_RDONLY)) {
            var changes =
                    new ChangedExtents(
                            cursor(base),
                            cursor(target),
                            bytes.length,
                            new DataComparison(old, now, stop),
                            stop);
            try (var list = new ImageBlocks(changes, 0, bytes.length, List.of())) {
                var found = new ArrayList<ByteRange>();
                for (var next = list.next(); next.isPresent(); next = list.next()) {
                    found.add(next.get());
                }
                return found;
            }
        }
    }

    private static ExtentCursor cursor(List<Extent> extents) {
        var iterator = extents.iterator();
        return new ExtentCursor(
                () -> iterator.hasNext() ? Optional.of(iterator.next()) : Optional.empty());
    }

    private void assertChanges(List<Extent> base, List<Extent> target, ByteRange... changes)
            throws IOException {
        assertThat(changes(base, target, 20, () -> false)).containsExactly(changes);
    }

    @Test
    void theSamePlaceIsTheSameHoweverItIsCutIntoExtents() throws Exception {
        var whole = List.of(extent(4, 100, 40, 0));
        var cut = List.of(extent(4, 100, 3, 0), extent(7, 103, 30, 0x2000), extent(37, 133, 7, 0));
        assertChanges(whole, cut);
        assertChanges(cut, whole);
    }

    @Test
    void thePlaceCountsAtEachOffset() throws Exception {
        var base = List.of(extent(0, 100, 40, 0));
        assertChanges(
                base,
                List.of(extent(0, 100, 10, 0), extent(10, 500, 5, 0), extent(15, 115, 25, 0)),
                range(10, 5));
        assertChanges(base, List.of(extent(1, 100, 40, 0)), range(0, 41)); // moved by a block
    }

    @Test
    void whatWasNeverWrittenIsLikeAHole() throws Exception {
        var unwritten = List.of(extent(0, 700, 30, UNWRITTEN));
        assertChanges(unwritten, List.of());
        assertChanges(List.of(), unwritten);
        assertChanges(unwritten, List.of(extent(0, 900, 64, UNWRITTEN)));
        assertChanges(unwritten, List.of(extent(0, 700, 2, 0)), range(0, 2));
        assertChanges(List.of(extent(8, 300, 8, 0)), List.of(), range(8, 8)); // trimmed since
    }

    /// Any part of a compressed extent has the "place" of the whole.
    @Test
    void ofCompressedExtentsTheBytesAreCompared() throws Exception {
        var base = List.of(extent(0, 100, 32, ENCODED));
        assertChanges(base, List.of(extent(0, 100, 32, ENCODED)), range(20, 1));
        assertChanges(
                base, List.of(extent(0, 100, 4, ENCODED), extent(4, 104, 28, 0)), range(20, 1));
        assertChanges(base, List.of(extent(0, 555, 32, ENCODED)), range(20, 1));
        assertChanges(base, List.of(), range(0, 32)); // trimmed since
    }

    @Test
    void whatLiesAmongMetadataIsCompared() throws Exception {
        var inline = List.of(extent(0, 0, 32, INLINE));
        assertChanges(inline, inline, range(20, 1));
    }

    @Test
    void neighboursAreOneRange() throws Exception {
        var base = List.of(extent(0, 100, 10, 0));
        var target = List.of(extent(0, 300, 2, 0), extent(2, 700, 8, 0), extent(10, 110, 1, 0));
        assertChanges(base, target, range(0, 11));
    }

    @Test
    void whoGivesUpIsNotServedToTheEnd() {
        var extents = List.of(extent(0, 100, 40, 0));
        assertThatThrownBy(() -> changes(extents, extents, 0, () -> true))
                .isInstanceOf(InterruptedIOException.class);
        var compressed = List.of(extent(0, 100, 40, ENCODED));
        assertThatThrownBy(() -> changes(compressed, compressed, 0, () -> true))
                .isInstanceOf(InterruptedIOException.class);
    }
}
