package dev.stowage.volume;

import java.util.Arrays;
import java.util.Optional;

/// What can be said about a volume's I/O, by the name that StorageClasses, VolumeAttributesClasses
/// and records give it.
public enum LimitKey {
    READ_IOPS("readIops", true, 1, Limits.MAX_IOPS),
    WRITE_IOPS("writeIops", true, 1, Limits.MAX_IOPS),
    READ_BYTES_PER_SECOND("readBytesPerSecond", true, Limits.MIN_BYTES, Long.MAX_VALUE),
    WRITE_BYTES_PER_SECOND("writeBytesPerSecond", true, Limits.MIN_BYTES, Long.MAX_VALUE),
    IOPS_PER_GIB("iopsPerGiB", false, 1, Limits.MAX_IOPS),
    MAX_IOPS("maxIops", false, 1, Limits.MAX_IOPS);

    private final String text;
    private final boolean mutable;
    private final long smallest;
    private final long largest;

    LimitKey(String text, boolean mutable, long smallest, long largest) {
        this.text = text;
        this.mutable = mutable;
        this.smallest = smallest;
        this.largest = largest;
    }

    public static Optional<LimitKey> named(String text) {
        return Arrays.stream(values()).filter(key -> key.text.equals(text)).findFirst();
    }

    /// Whether it can be changed on a volume that exists.
    public boolean mutable() {
        return mutable;
    }

    /// Whether a volume can have `value` for it; see [LimitSettings#UNLIMITED].
    public boolean holds(long value) {
        return value == LimitSettings.UNLIMITED && mutable || value >= smallest && value <= largest;
    }

    /// @throws VolumeException INVALID naming key, value and what would do
    long parse(String value) {
        if (mutable && value.equals(LimitSettings.UNLIMITED_TEXT)) {
            return LimitSettings.UNLIMITED;
        }
        long number;
        try {
            number = Quantities.parse(value);
        } catch (IllegalArgumentException e) {
            throw refused(value);
        }
        if (number < smallest || number > largest) {
            throw refused(value);
        }
        return number;
    }

    private VolumeException refused(String value) {
        var range =
                largest == Long.MAX_VALUE
                        ? "of at least " + smallest
                        : "from %d to %d".formatted(smallest, largest);
        return new VolumeException(
                Reason.INVALID,
                "%s is '%s': write a number %s, as in %s%s"
                        .formatted(
                                text,
                                value,
                                range,
                                smallest == 1 ? "500 or 2k" : "10Mi or 10M",
                                mutable ? ", or unlimited" : ""));
    }

    @Override
    public String toString() {
        return text;
    }
}
