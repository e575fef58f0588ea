package dev.stowage.backend.file;

import dev.stowage.volume.ByteRange;
import java.io.IOException;
import java.util.Optional;

/// What differs between two images, found by reading what either of them has written.
record ChangedData(WrittenBytes base, WrittenBytes target, DataComparison comparison)
        implements RangeFinder {
    @Override
    public Optional<ByteRange> next(long from) throws IOException {
        var written = firstWritten(from);
        while (written.isPresent()) {
            var end = written.get().end();
            var difference = comparison.first(written.get().offset(), end);
            if (difference.isPresent()) {
                return difference;
            }
            written = firstWritten(end);
        }
        return Optional.empty();
    }

    /// Where one is written longer than the other, the rest comes with the next question.
    private Optional<ByteRange> firstWritten(long from) throws IOException {
        var old = base.next(from);
        var now = target.next(from);
        if (old.isEmpty() || now.isEmpty()) {
            return old.or(() -> now);
        }
        return old.get().offset() < now.get().offset() ? old : now;
    }
}
