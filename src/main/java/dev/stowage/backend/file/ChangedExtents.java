package dev.stowage.backend.file;

import dev.stowage.backend.file.ExtentCursor.Piece;
import dev.stowage.linux.FileExtents.Extent;
import dev.stowage.volume.ByteRange;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/// Where two images of one file system do not have the same blocks of the disk. What they share is
/// the same without being read; what they do not share counts as changed, whatever is in it. Only
/// where the place on the disk says nothing, bytes are compared.
///
/// @param end no image has anything of interest from there on
/// @param comparison for compressed extents and those without blocks of their own
/// @param stop asked between extents
record ChangedExtents(
        ExtentCursor base,
        ExtentCursor target,
        long end,
        DataComparison comparison,
        BooleanSupplier stop)
        implements RangeFinder {
    @Override
    public Optional<ByteRange> next(long from) throws IOException {
        var at = from;
        while (at < end) {
            if (stop.getAsBoolean()) {
                throw new InterruptedIOException("the list of changed blocks was stopped");
            }
            var old = base.at(at);
            var now = target.at(at);
            var until = Math.min(end, Math.min(old.end(), now.end()));
            var difference = difference(old, now, at, until);
            if (difference.isPresent()) {
                return difference;
            }
            at = until;
        }
        return Optional.empty();
    }

    private Optional<ByteRange> difference(Piece old, Piece now, long begin, long until)
            throws IOException {
        if (old.zeros() && now.zeros()) {
            return Optional.empty();
        }
        if (old.zeros() || now.zeros()) {
            return Optional.of(ByteRange.between(begin, until));
        }
        var was = old.extent().get();
        var is = now.extent().get();
        if (!was.verbatim() || !is.verbatim()) {
            return comparison.first(begin, until);
        }
        return place(was, begin) == place(is, begin)
                ? Optional.empty()
                : Optional.of(ByteRange.between(begin, until));
    }

    private static long place(Extent extent, long offset) {
        return extent.physical() + (offset - extent.offset());
    }
}
