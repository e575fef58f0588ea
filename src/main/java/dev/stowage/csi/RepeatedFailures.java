package dev.stowage.csi;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/// Which failures the log has already. Sidecars and the kubelet repeat a call that fails for as
/// long as it fails, so the same answer to the same call is logged once in ten minutes.
final class RepeatedFailures {
    static final Duration QUIET = Duration.ofMinutes(10);

    /// More calls than fail at one time on a node, and more answers than one call alternates
    /// between. What is forgotten is logged again.
    private static final int MOST_CALLS = 512;

    private static final int MOST_ANSWERS = 4;

    /// Sizes, seconds and counters (not the number in a name, such as `node1`), and the hexadecimal
    /// parts of the names of temporary files.
    private static final Pattern VARYING = Pattern.compile("\\b(?:[0-9a-f]{8}|[0-9]+)\\b");

    private final Map<Call, Map<String, Logged>> failing = latest(MOST_CALLS);

    private record Call(String method, String name) {}

    /// @param repeated how often the answer was given since it was logged
    private record Logged(long atNanos, int repeated) {}

    /// Notes a failure.
    ///
    /// @param name what the call is about
    /// @param answer code and message; the numbers in it, and the names of instances, may differ
    /// @param nowNanos by System.nanoTime()
    /// @return how often it was left out of the log since it was there last; empty: leave it out
    synchronized OptionalInt failed(String method, String name, String answer, long nowNanos) {
        var answers = failing.computeIfAbsent(new Call(method, name), _ -> latest(MOST_ANSWERS));
        var alike = VARYING.matcher(answer).replaceAll("#");
        var logged = answers.get(alike);
        if (logged == null || nowNanos - logged.atNanos >= QUIET.toNanos()) {
            answers.put(alike, new Logged(nowNanos, 0));
            return OptionalInt.of(logged == null ? 0 : logged.repeated);
        }
        answers.put(alike, new Logged(logged.atNanos, logged.repeated + 1));
        return OptionalInt.empty();
    }

    /// Notes a success: a later failure is news.
    synchronized void succeeded(String method, String name) {
        failing.remove(new Call(method, name));
    }

    private static <K, V> Map<K, V> latest(int most) {
        return new LinkedHashMap<>(16, 0.75f, true) {
            @Override
            protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
                return size() > most;
            }
        };
    }
}
