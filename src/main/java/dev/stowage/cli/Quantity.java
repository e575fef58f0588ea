package dev.stowage.cli;

import dev.stowage.volume.Quantities;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// A number of bytes as Kubernetes writes it (apimachinery's resource.Quantity): `1Gi`, `1.5G`,
/// `300Mi`, `4096`.
public record Quantity(long bytes) {
    /// Rounds up to whole bytes.
    ///
    /// @throws IllegalArgumentException for text that is no quantity, zero, or more than 2^63 - 1
    static Quantity parse(String text) {
        return new Quantity(Quantities.parse(text));
    }

    /// For picocli.
    public static final class Converter implements ITypeConverter<Quantity> {
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
