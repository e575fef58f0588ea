package dev.stowage.backend.file;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// Counts the pool anew, in the background and not often, when the sums may be out of date: another
/// driver made or deleted volumes, an offline command came or went, or a create was refused while
/// somebody may have cleared up.
final class Rescan {
    private static final Duration BETWEEN_COUNTS = Duration.ofSeconds(3);

    private final PoolFolder pool;
    private final Reservations reservations;
    private final Background background;
    private final boolean reflinks;
    private final List<Path> watched;
    private List<FileTime> seen = List.of();
    private long lastNanos;
    private boolean running;

    /// @param shared other drivers change the pool too
    /// @param reflinks images may share blocks
    Rescan(
            PoolFolder pool,
            Reservations reservations,
            Background background,
            boolean shared,
            boolean reflinks) {
        this.pool = pool;
        this.reservations = reservations;
        this.background = background;
        this.reflinks = reflinks;
        // Whoever else works in an exclusive pool is an offline command: its lock comes first and
        // goes last.
        this.watched =
                shared
                        ? List.of(pool.volumes(), pool.snapshots(), pool.trash(), pool.incoming())
                        : List.of(pool.drivers());
    }

    /// The first count, which is waited for.
    PoolScan.Result first() throws IOException {
        ended(times());
        var result = PoolScan.of(pool, reflinks);
        reservations.endCount(result.found());
        return result;
    }

    /// To be called where sums are about to be used: a look at some folders' times, if that.
    void ifOthersChangedThePool() throws IOException {
        if (due() && !times().equals(seen())) {
            begin();
        }
    }

    private synchronized List<FileTime> seen() {
        return seen;
    }

    void afterRefusal() {
        if (due()) {
            begin();
        }
    }

    private synchronized boolean due() {
        return !running && System.nanoTime() - lastNanos >= BETWEEN_COUNTS.toNanos();
    }

    private synchronized void begin() {
        if (!running) {
            running = true;
            background.submit("counting the pool", this::count);
        }
    }

    private void count() throws IOException {
        try {
            var before = times();
            reservations.beginCount();
            reservations.endCount(PoolScan.of(pool, reflinks).found());
            ended(before);
        } finally {
            reservations.stopCount();
            synchronized (this) {
                running = false;
            }
        }
    }

    private synchronized void ended(List<FileTime> before) {
        lastNanos = System.nanoTime();
        seen = before;
    }

    private List<FileTime> times() throws IOException {
        var times = new ArrayList<FileTime>();
        for (var folder : watched) {
            times.add(Files.getLastModifiedTime(folder));
        }
        return times;
    }
}
