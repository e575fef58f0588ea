package dev.stowage.backend.file;

import dev.stowage.linux.Fd;
import dev.stowage.volume.BlockList;
import dev.stowage.volume.ByteRange;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/// The whole blocks of what is looked for in images, joined where they touch.
final class ImageBlocks implements BlockList {
    private final RangeFinder finder;
    private final long from;
    private final long end;
    private final List<Fd> images;

    /// Found and not yet given, for what follows may touch it.
    private Optional<ByteRange> found;

    private boolean begun;

    /// @param from where to begin
    /// @param end where to end
    /// @param images what to close with this
    ImageBlocks(RangeFinder finder, long from, long end, List<Fd> images) {
        this.finder = finder;
        this.from = from;
        this.end = end;
        this.images = List.copyOf(images);
        this.found = Optional.empty();
    }

    @Override
    public Optional<ByteRange> next() throws IOException {
        if (!begun) {
            found = find(from);
            begun = true;
        }
        var joined = found;
        while (joined.isPresent()) {
            var range = joined.get();
            found = find(range.end());
            if (found.isEmpty() || found.get().offset() > range.end()) {
                break;
            }
            joined = Optional.of(ByteRange.between(range.offset(), found.get().end()));
        }
        return joined;
    }

    private Optional<ByteRange> find(long at) throws IOException {
        if (at >= end) {
            return Optional.empty();
        }
        return finder.next(at)
                .filter(range -> range.offset() < end)
                .map(
                        range ->
                                ByteRange.between(
                                        Math.max(at, Blocks.floor(range.offset())),
                                        Math.min(end, Blocks.ceiling(range.end()))));
    }

    @Override
    public void close() {
        images.forEach(Fd::close);
    }
}
