package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_NOFOLLOW;
import static dev.stowage.linux.OpenFlags.O_RDONLY;

import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.FileExtents;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// Adds up what images share, so that blocks which several have are counted once.
final class SharedBlocks {
    private record Interval(long begin, long end) {}

    private final List<Interval> intervals = new ArrayList<>();
    private long sharedBytes;

    /// Where the file system does not say what is shared, everything counts as the image's own.
    void add(Path image) throws ErrnoException {
        try (var file = Fd.open(image, O_RDONLY | O_NOFOLLOW)) {
            if (!FileExtents.told(file)) {
                return;
            }
            FileExtents.each(
                    file,
                    0,
                    extent -> {
                        if (extent.shared() && extent.placed()) {
                            var begin = extent.physical();
                            intervals.add(new Interval(begin, begin + extent.bytes()));
                            sharedBytes += extent.bytes();
                        }
                    });
        }
    }

    /// By how much the sum of what the images have allocated is more than what they take.
    long countedTwiceBytes() {
        intervals.sort(Comparator.comparingLong(Interval::begin));
        var distinct = 0L;
        var end = Long.MIN_VALUE;
        for (var interval : intervals) {
            distinct += Math.max(0, interval.end() - Math.max(interval.begin(), end));
            end = Math.max(end, interval.end());
        }
        return sharedBytes - distinct;
    }
}
