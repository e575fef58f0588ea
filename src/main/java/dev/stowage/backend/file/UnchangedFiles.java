package dev.stowage.backend.file;

import dev.stowage.linux.FileVersion;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// What files (or folders) say, read again only where they have changed. Whoever changes them need
/// not tell: each answer takes one look at the file's version.
///
/// A file that changes twice within one tick of its file system's clock may look the same after the
/// second time. So what was read is kept for good only if it was read later than any tick in which
/// the file can have got that version; until then it is read each time.
///
/// @param <K> what a file is of
/// @param <T> what it says
final class UnchangedFiles<K, T> {
    /// More than the coarsest clock of a file system that can hold a pool (ext3: one second).
    static final Duration TICK = Duration.ofSeconds(3);

    interface Reading<T> {
        /// Empty if it is not there.
        Optional<T> read() throws IOException;
    }

    /// @param seenNanos when the files were first seen to have these versions
    private record Kept<T>(List<FileVersion> versions, long seenNanos, boolean settled, T value) {}

    private final Map<K, Kept<T>> kept = new HashMap<>();
    private final int most;
    private final FileTimes times;

    /// @param most how many are kept; what comes after them is read each time, since of files that
    ///     are read in turn none would be found again if each took the place of another
    UnchangedFiles(int most, FileTimes times) {
        this.most = most;
        this.times = times;
    }

    /// What the files of these versions say, as `reading` answers it now or did before.
    ///
    /// @param versions looked up just before; empty if a file is not there
    Optional<T> read(K key, List<FileVersion> versions, Reading<T> reading) throws IOException {
        var before = before(key, versions);
        if (before.filter(Kept::settled).isPresent()) {
            return before.map(Kept::value);
        }
        var nanos = times.nanos(); // of all clocks what they say before it is read counts
        var seenNanos = before.map(Kept::seenNanos).orElse(nanos);
        var settled = nanos - seenNanos >= TICK.toNanos() || arePast(versions);
        var value = reading.read();
        if (!versions.isEmpty() && value.isPresent()) {
            keep(key, new Kept<>(versions, seenNanos, settled, value.get()));
        }
        return value;
    }

    /// What is known of the files as they are; what is known of them as they were is forgotten.
    private synchronized Optional<Kept<T>> before(K key, List<FileVersion> versions) {
        var known = kept.get(key);
        if (known == null || known.versions().equals(versions)) {
            return Optional.ofNullable(known);
        }
        kept.remove(key);
        return Optional.empty();
    }

    private synchronized void keep(K key, Kept<T> reading) {
        if (kept.size() < most || kept.containsKey(key)) {
            kept.put(key, reading);
        }
    }

    private boolean arePast(List<FileVersion> versions) {
        var now = times.fileSystemNanos();
        return now.isPresent()
                && versions.stream().allMatch(v -> now.get() - v.changedNanos() >= TICK.toNanos());
    }

    /// Forgets all but these.
    synchronized void retain(Set<K> keys) {
        kept.keySet().retainAll(keys);
    }
}
