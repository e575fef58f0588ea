package dev.stowage.linux;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// File systems that are frozen at the same time, and thawed in every case: by [#thaw()] or
/// [#close()]; by a watchdog process if this one dies or the time is over.
public final class Freeze implements AutoCloseable {
    private final List<Fd> frozen = new ArrayList<>();
    private final ThawWatchdog watchdog;
    private final long sinceNanos = System.nanoTime();
    private boolean over;

    private Freeze(ThawWatchdog watchdog) {
        this.watchdog = watchdog;
    }

    /// Writes out what each has in memory, so that it is frozen only briefly; then freezes one
    /// after the other. When this returns no write comes through to any of them. After an error
    /// none is frozen.
    ///
    /// @param roots a folder of each file system, opened for reading; stay open until the end
    /// @param bound whole seconds, after which they are thawed whatever happens
    /// @param note a file that says what is frozen; the watchdog removes it when it has thawed all
    /// @throws ErrnoException EBUSY where one is frozen already
    public static Freeze of(List<Fd> roots, Duration bound, Path note) throws IOException {
        for (var root : roots) {
            Linux.syncfs(root);
        }
        var freeze = new Freeze(ThawWatchdog.over(roots, bound, note));
        try {
            for (var root : roots) {
                Linux.freezeOpened(root);
                freeze.frozen.add(root);
            }
            return freeze;
        } catch (IOException | RuntimeException e) {
            freeze.close();
            throw e;
        }
    }

    /// Since just before the first was frozen.
    public Duration since() {
        return Duration.ofNanos(System.nanoTime() - sinceNanos);
    }

    /// Lets writes through again. False where one had been thawed by somebody else, so that what
    /// was read meanwhile may be of several moments.
    public boolean thaw() throws ErrnoException {
        var stillFrozen = true;
        var failures = new ArrayList<ErrnoException>();
        for (var root : frozen.reversed()) {
            try {
                stillFrozen &= Linux.thawOpened(root);
            } catch (ErrnoException e) {
                failures.add(e);
            }
        }
        frozen.clear();
        if (!failures.isEmpty()) {
            throw failures.getFirst(); // the watchdog goes on: it is not told that all is done
        }
        if (!over) {
            over = true;
            watchdog.close();
        }
        return stillFrozen;
    }

    /// Thaws what is still frozen.
    @Override
    public void close() {
        var _ = closed();
    }

    /// As [#close()]. False where a thaw failed, and was left to the watchdog.
    public boolean closed() {
        try {
            var _ = thaw();
            return true;
        } catch (ErrnoException e) {
            if (!over) {
                over = true;
                watchdog.abandon();
            }
            return false;
        }
    }
}
