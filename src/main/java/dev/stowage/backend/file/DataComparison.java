package dev.stowage.backend.file;

import dev.stowage.linux.Fd;
import dev.stowage.spi.ChangedBlocks;
import dev.stowage.volume.ByteRange;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/// Compares the bytes of two images, block by block. Behind the end of one there are zeros. Keeps
/// the piece that it read last, so that one with many differences is read once.
final class DataComparison {
    private static final int PIECE_BYTES = 256 << 10;

    private final Fd base;
    private final Fd target;
    private final BooleanSupplier stop;
    private final ByteBuffer old = ByteBuffer.allocateDirect(PIECE_BYTES);
    private final ByteBuffer now = ByteBuffer.allocateDirect(PIECE_BYTES);
    private long pieceBegin;
    private long pieceEnd;

    /// @param stop asked before each piece
    DataComparison(Fd base, Fd target, BooleanSupplier stop) {
        this.base = base;
        this.target = target;
        this.stop = stop;
    }

    /// The first blocks that differ, of those that have a part in [begin, end); cut at `begin`.
    ///
    /// @throws InterruptedIOException if it was stopped
    Optional<ByteRange> first(long begin, long end) throws IOException {
        for (var at = Blocks.floor(begin); at < end; at = pieceEnd) {
            read(at, Blocks.ceiling(end));
            var mismatch = mismatch(at, pieceEnd);
            if (mismatch >= 0) {
                var first = Math.max(begin, Blocks.floor(at + mismatch));
                return Optional.of(ByteRange.between(first, endOfDifference(first)));
            }
        }
        return Optional.empty();
    }

    private long endOfDifference(long first) {
        var end = Blocks.floor(first) + ChangedBlocks.BLOCK_BYTES;
        while (end < pieceEnd && mismatch(end, end + ChangedBlocks.BLOCK_BYTES) >= 0) {
            end += ChangedBlocks.BLOCK_BYTES;
        }
        return end;
    }

    /// The distance from `begin` to the first byte that differs; negative if none does.
    private int mismatch(long begin, long end) {
        var at = (int) (begin - pieceBegin);
        var bytes = (int) (end - begin);
        return old.slice(at, bytes).mismatch(now.slice(at, bytes));
    }

    /// Has the bytes from `at` on, as many as go into a piece, but none from `limit` on.
    private void read(long at, long limit) throws IOException {
        if (at >= pieceBegin && at < pieceEnd) {
            return;
        }
        if (stop.getAsBoolean()) {
            throw new InterruptedIOException(
                    "the comparison of %s with %s was stopped".formatted(base, target));
        }
        pieceBegin = Blocks.floor(at);
        pieceEnd = Math.min(pieceBegin + PIECE_BYTES, limit);
        var bytes = (int) (pieceEnd - pieceBegin);
        fill(old.clear().limit(bytes), base);
        fill(now.clear().limit(bytes), target);
    }

    private void fill(ByteBuffer piece, Fd image) throws IOException {
        while (piece.hasRemaining()) {
            if (image.read(piece, pieceBegin + piece.position()) == 0) {
                piece.put(new byte[piece.remaining()]);
            }
        }
    }
}
