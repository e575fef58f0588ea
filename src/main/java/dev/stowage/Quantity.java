package dev.stowage;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// A number of bytes as Kubernetes writes it (apimachinery's resource.Quantity): `1Gi`, `1.5G`,
// `300Mi`, `4096`.
record Quantity(long bytes) {
    private static final Pattern GRAMMAR = Pattern.compile("([0-9]+(?:\\.[0-9]+)?)([A-Za-z]*)");
    private static final Map<String, Long> UNITS = new LinkedHashMap<>();

    static {
        UNITS.put("", 1L);
        UNITS.put("Ki", 1L << 10);
        UNITS.put("Mi", 1L << 20);
        UNITS.put("Gi", 1L << 30);
        UNITS.put("Ti", 1L << 40);
        UNITS.put("Pi", 1L << 50);
        UNITS.put("k", 1_000L);
        UNITS.put("M", 1_000_000L);
        UNITS.put("G", 1_000_000_000L);
        UNITS.put("T", 1_000_000_000_000L);
        UNITS.put("P", 1_000_000_000_000_000L);
    }

    /// Rounds up to whole bytes.
    ///
    /// @throws IllegalArgumentException for text that is no quantity, zero, or more than 2^63 - 1
    static Quantity parse(String text) {
        var parts = GRAMMAR.matcher(text);
        if (!parts.matches() || !UNITS.containsKey(parts.group(2))) {
            throw new IllegalArgumentException(
                    "'%s' is not a size: write a number and a unit, as in 1Gi, 500Mi or 2G"
                            .formatted(text));
        }
        var bytes =
                new BigDecimal(parts.group(1))
                        .multiply(BigDecimal.valueOf(UNITS.get(parts.group(2))))
                        .setScale(0, RoundingMode.CEILING);
        if (bytes.signum() == 0 || bytes.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0) {
            throw new IllegalArgumentException(
                    "'%s' is no size that a volume can have".formatted(text));
        }
        return new Quantity(bytes.longValueExact());
    }

    /// In the largest binary unit that leaves a number of at least 1: `1 GiB`, `1.5 GiB`, `300
    // MiB`.
    String text() {
        var units = new String[] {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
        var unit =
                Math.min(
                        (63 - Long.numberOfLeadingZeros(Math.max(bytes, 1))) / 10,
                        units.length - 1);
        var number =
                BigDecimal.valueOf(bytes)
                        .divide(BigDecimal.valueOf(1L << (10 * unit)), 2, RoundingMode.HALF_UP)
                        .stripTrailingZeros();
        return number.toPlainString() + " " + units[unit];
    }

    /// For picocli.
    static final class Converter implements ITypeConverter<Quantity> {
        @Override
        public Quantity convert(String text) {
            try {
                return parse(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }
}
