package dev.stowage.volume;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Map;
import java.util.regex.Pattern;

/// Numbers as Kubernetes writes them (apimachinery's resource.Quantity): `1Gi`, `1.5G`, `300Mi`,
/// `4096`.
public final class Quantities {
    private static final Pattern GRAMMAR = Pattern.compile("([0-9]+(?:\\.[0-9]+)?)([A-Za-z]*)");
    private static final Map<String, Long> UNITS =
            Map.ofEntries(
                    Map.entry("", 1L),
                    Map.entry("Ki", 1L << 10),
                    Map.entry("Mi", 1L << 20),
                    Map.entry("Gi", 1L << 30),
                    Map.entry("Ti", 1L << 40),
                    Map.entry("Pi", 1L << 50),
                    Map.entry("k", 1_000L),
                    Map.entry("M", 1_000_000L),
                    Map.entry("G", 1_000_000_000L),
                    Map.entry("T", 1_000_000_000_000L),
                    Map.entry("P", 1_000_000_000_000_000L));

    private Quantities() {}

    /// Rounds up to a whole number.
    ///
    /// @throws IllegalArgumentException for text that is no quantity, zero, or more than 2^63 - 1
    public static long parse(String text) {
        var parts = GRAMMAR.matcher(text);
        if (!parts.matches() || !UNITS.containsKey(parts.group(2))) {
            throw new IllegalArgumentException(
                    "'%s' is not a size: write a number and a unit, as in 1Gi, 500Mi or 2G"
                            .formatted(text));
        }
        var number =
                new BigDecimal(parts.group(1))
                        .multiply(BigDecimal.valueOf(UNITS.get(parts.group(2))))
                        .setScale(0, RoundingMode.CEILING);
        if (number.signum() == 0 || number.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0) {
            throw new IllegalArgumentException(
                    "'%s' is no size that a volume can have".formatted(text));
        }
        return number.longValueExact();
    }
}
