package dev.stowage.backend.file;

import dev.stowage.linux.Fd;
import dev.stowage.volume.ByteRange;
import java.io.IOException;
import java.util.Optional;

/// What was ever written to an image, as SEEK_DATA has it.
///
/// @param holesTold SEEK_DATA can be trusted; else all is taken for written
record WrittenBytes(Fd image, boolean holesTold) implements RangeFinder {
    @Override
    public Optional<ByteRange> next(long from) throws IOException {
        if (!holesTold) {
            var size = image.stat().size();
            return from < size ? Optional.of(ByteRange.between(from, size)) : Optional.empty();
        }
        var data = image.seekData(from);
        return data < 0
                ? Optional.empty()
                : Optional.of(ByteRange.between(data, image.seekHole(data)));
    }
}
