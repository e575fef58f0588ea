package dev.stowage;

import dev.stowage.volume.Quantities;
import java.math.BigDecimal;
import java.math.RoundingMode;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// A number of bytes as Kubernetes writes it (apimachinery's resource.Quantity): `1Gi`, `1.5G`,
/// `300Mi`, `4096`.
record Quantity(long bytes) {
    /// Rounds up to whole bytes.
    ///
    /// @throws IllegalArgumentException for text that is no quantity, zero, or more than 2^63 - 1
    static Quantity parse(String text) {
        return new Quantity(Quantities.parse(text));
    }

    /// In the largest binary unit that leaves a number of at least 1: `1 GiB`, `1.5 GiB`,
    /// `300 MiB`.
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
