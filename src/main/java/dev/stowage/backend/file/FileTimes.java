package dev.stowage.backend.file;

import dev.stowage.linux.Linux;
import dev.stowage.linux.Usage;
import java.io.IOException;
import java.time.Clock;
import java.util.Optional;
import java.util.Set;

/// The clocks that tell the age of a file's version.
interface FileTimes {
    /// This machine's monotonic clock, in nanoseconds.
    long nanos();

    /// The clock by which the file system says when a file changed, in nanoseconds since 1970.
    /// Empty where that is another machine's.
    Optional<Long> fileSystemNanos();

    /// Of the pool's file system.
    static FileTimes of(PoolFolder pool) throws IOException {
        var own =
                Set.of(Usage.EXT4, Usage.XFS, Usage.BTRFS, Usage.TMPFS)
                        .contains(Linux.statfs(pool.root()).type());
        var clock = Clock.systemUTC();
        return new FileTimes() {
            @Override
            public long nanos() {
                return System.nanoTime();
            }

            @Override
            public Optional<Long> fileSystemNanos() {
                return own ? Optional.of(clock.millis() * 1_000_000) : Optional.empty();
            }
        };
    }
}
