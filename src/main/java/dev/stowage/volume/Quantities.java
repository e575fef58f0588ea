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

    private static final Pattern WRITTEN =
            Pattern.compile(
                    "(?<digits>[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:[eE](?<power>[+-]?[0-9]{1,3})|(?<unit>[A-Za-z]*))");
    private static final Map<String, BigDecimal> RARE_UNITS =
            Map.of(
                    "Ei", BigDecimal.valueOf(1L << 60),
                    "E", BigDecimal.TEN.pow(18),
                    "m", BigDecimal.ONE.movePointLeft(3),
                    "u", BigDecimal.ONE.movePointLeft(6),
                    "n", BigDecimal.ONE.movePointLeft(9));

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

    /// As they stand in the API's objects, where a number may also be zero, have an exponent
    /// (`1e9`), or count thousandths (`1500m`). Rounded up to a whole number; what is more than
    /// 2^63 - 1 is that, as it is for Kubernetes.
    ///
    /// @throws IllegalArgumentException for text that is no quantity, or less than zero
    public static long read(String text) {
        var parts = WRITTEN.matcher(text);
        if (!parts.matches()) {
            throw new IllegalArgumentException("'%s' is no quantity".formatted(text));
        }
        var digits = new BigDecimal(parts.group("digits"));
        var power = parts.group("power");
        var number =
                power == null
                        ? digits.multiply(unit(text, parts.group("unit")))
                        : digits.scaleByPowerOfTen(Integer.parseInt(power));
        return number.setScale(0, RoundingMode.CEILING)
                .min(BigDecimal.valueOf(Long.MAX_VALUE))
                .longValueExact();
    }

    /// In the largest binary unit that leaves a number of at least 1: `1 GiB`, `1.5 GiB`,
    /// `300 MiB`.
    public static String text(long bytes) {
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

    private static BigDecimal unit(String text, String name) {
        if (UNITS.containsKey(name)) {
            return BigDecimal.valueOf(UNITS.get(name));
        }
        if (RARE_UNITS.containsKey(name)) {
            return RARE_UNITS.get(name);
        }
        throw new IllegalArgumentException(
                "'%s' is no quantity: there is no unit %s".formatted(text, name));
    }
}
