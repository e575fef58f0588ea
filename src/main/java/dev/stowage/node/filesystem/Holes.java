package dev.stowage.node.filesystem;

import dev.stowage.linux.Fd;
import java.io.IOException;

/// The parts of a file that are not holes.
final class Holes {
    private Holes() {}

    interface Part {
        void at(long begin, long end) throws IOException;
    }

    /// In order, up to `bytes`. A file system that can't tell has one part.
    static void eachPart(Fd file, long bytes, Part part) throws IOException {
        for (long at = 0; at < bytes; ) {
            var begin = file.seekData(at);
            if (begin < 0 || begin >= bytes) {
                return;
            }
            at = Math.min(file.seekHole(begin), bytes);
            part.at(begin, at);
        }
    }
}
