package dev.stowage.volume;

import java.util.Locale;

/// How a volume's bytes are reserved. Thick: allocated at create and counted in full for ever.
/// Thin: allocated when written, counted against the pool's overcommit ratio.
public enum Provisioning {
    THICK,
    THIN;

    public static Provisioning require(String text) {
        return switch (text) {
            case "thick" -> THICK;
            case "thin" -> THIN;
            default ->
                    throw new VolumeException(
                            Reason.INVALID,
                            "provisioning '%s' is not known: use thick or thin".formatted(text));
        };
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
