package dev.stowage.kubernetes;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// What a person is told of a claim that fits nowhere.
///
/// @param free bytes by node
/// @param shared every node sees the same bytes
record Shortage(PendingClaim claim, Map<String, Long> free, boolean shared) {
    /// More would not be read; the event's message has 1024 characters at most.
    private static final int MOST_NODES = 5;

    private static final List<String> UNITS =
            List.of("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB");

    String message() {
        return "%s for the %s of StorageClass %s that this claim asks for: %s. Delete volumes, add a disk, or make the claim anew and smaller"
                .formatted(
                        shared ? "the pool has no room" : "no node has room",
                        text(claim.bytes(), RoundingMode.CEILING),
                        claim.storageClass(),
                        shared ? all() : byNode());
    }

    private String all() {
        var largest = free.values().stream().mapToLong(Long::longValue).max().orElse(0);
        return largest == 0 ? "nothing is free" : "%s are free".formatted(freeText(largest));
    }

    private String byNode() {
        var nodes =
                free.entrySet().stream()
                        .filter(node -> node.getValue() > 0)
                        .sorted(
                                Map.Entry.<String, Long>comparingByValue(Comparator.reverseOrder())
                                        .thenComparing(Map.Entry.comparingByKey()))
                        .toList();
        if (nodes.isEmpty()) {
            return "nothing is free on any";
        }
        var named =
                nodes.stream()
                        .limit(MOST_NODES)
                        .map(node -> freeText(node.getValue()) + " on " + node.getKey())
                        .collect(Collectors.joining(", "));
        var others = nodes.size() - MOST_NODES;
        return "free are %s%s%s"
                .formatted(
                        named,
                        others > 0 ? ", less on %d others".formatted(others) : "",
                        nodes.size() > 1 ? " (a volume must fit on one)" : "");
    }

    /// Rounded down, as the request is rounded up: what is said to be free can be had, and the two
    /// never look equal.
    private static String freeText(long bytes) {
        return text(bytes, RoundingMode.FLOOR);
    }

    private static String text(long bytes, RoundingMode rounding) {
        var unit = (63 - Long.numberOfLeadingZeros(Math.max(bytes, 1))) / 10;
        var number =
                BigDecimal.valueOf(bytes)
                        .divide(BigDecimal.valueOf(1L << (10 * unit)), 1, rounding)
                        .stripTrailingZeros();
        return number.toPlainString() + " " + UNITS.get(unit);
    }
}
