package dev.stowage.pools;

import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/// The calls that are in one pool's backend. They run on their callers' threads, of which all pools
/// together have only so many: so there is a bound on how many may wait for one pool's disk.
///
/// More than [#MOST] calls wait for their turn. While calls come to their end the turn comes too;
/// where none has for [#SILENCE], the disk hangs, and further calls are refused at once.
final class Callers {
    /// Well below the number of threads that serve RPCs.
    static final int MOST = 24;

    private static final Duration SILENCE = Duration.ofSeconds(5);

    /// What ends sooner says nothing of the disk; its caller was in a hurry.
    private static final Duration LONG = Duration.ofSeconds(2);

    /// @param outer the call within which this one is made, by a part of the driver that the
    ///     backend calls back
    private record Call(String what, long sinceNanos, Optional<Call> outer) {}

    private final String pool;
    private final Map<Thread, Call> inside = new LinkedHashMap<>();
    private long lastEndNanos = System.nanoTime();

    Callers(String pool) {
        this.pool = pool;
    }

    /// The current thread's call begins.
    ///
    /// @throws VolumeException UNAVAILABLE if too many calls wait for the disk already
    synchronized void enter(String what) {
        var outer = Optional.ofNullable(inside.get(Thread.currentThread()));
        while (outer.isEmpty() && inside.size() >= MOST) {
            var left = SILENCE.toNanos() - (System.nanoTime() - lastEndNanos);
            if (left <= 0) {
                throw crowded();
            }
            try {
                TimeUnit.NANOSECONDS.timedWait(this, left);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw crowded();
            }
        }
        if (inside.isEmpty()) {
            lastEndNanos = System.nanoTime();
        }
        inside.put(Thread.currentThread(), new Call(what, System.nanoTime(), outer));
    }

    /// The current thread's call ends.
    synchronized void leave() {
        var ended = Objects.requireNonNull(inside.remove(Thread.currentThread()));
        lastEndNanos = System.nanoTime();
        ended.outer()
                .ifPresentOrElse(
                        outer -> inside.put(Thread.currentThread(), outer), this::notifyAll);
    }

    synchronized boolean none() {
        return inside.isEmpty();
    }

    /// What the thread waits for, in words; empty if it is not in this pool, or not for long.
    synchronized Optional<String> waiting(Thread thread) {
        return Optional.ofNullable(inside.get(thread))
                .filter(call -> System.nanoTime() - call.sinceNanos() >= LONG.toNanos())
                .map(call -> silence(pool, call.what(), call.sinceNanos()));
    }

    private VolumeException crowded() {
        var first = inside.values().iterator().next();
        return new VolumeException(
                Reason.UNAVAILABLE,
                "%d calls wait for %s"
                        .formatted(
                                inside.size(),
                                silence(pool, "the first, " + first.what(), first.sinceNanos())));
    }

    /// How it is said that a pool does not answer.
    static String silence(String pool, String what, long sinceNanos) {
        return "pool %s, which has not answered for %d s (%s): look at its disk and the kernel's log (dmesg)"
                .formatted(
                        pool, TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - sinceNanos), what);
    }
}
