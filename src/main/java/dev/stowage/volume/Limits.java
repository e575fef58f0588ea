package dev.stowage.volume;

import java.util.OptionalLong;

/// What a volume's I/O on one node is held to, whoever does it; empty is without limit.
public record Limits(
        OptionalLong readIops,
        OptionalLong writeIops,
        OptionalLong readBytesPerSecond,
        OptionalLong writeBytesPerSecond) {
    public static final Limits NONE =
            new Limits(
                    OptionalLong.empty(),
                    OptionalLong.empty(),
                    OptionalLong.empty(),
                    OptionalLong.empty());

    /// The kernel counts operations in 32 bits, the largest of which means "no limit".
    static final long MAX_IOPS = 0xffff_fffeL;

    /// One block a second. Less is a unit that was forgotten, and a volume that seems to hang.
    static final long MIN_BYTES = 4096;

    public boolean none() {
        return equals(NONE);
    }

    @Override
    public String toString() {
        if (none()) {
            return "no limits";
        }
        var text = new StringBuilder();
        append(text, LimitKey.READ_IOPS, readIops);
        append(text, LimitKey.WRITE_IOPS, writeIops);
        append(text, LimitKey.READ_BYTES_PER_SECOND, readBytesPerSecond);
        append(text, LimitKey.WRITE_BYTES_PER_SECOND, writeBytesPerSecond);
        return text.toString();
    }

    private static void append(StringBuilder text, LimitKey key, OptionalLong value) {
        if (value.isPresent()) {
            text.append(text.isEmpty() ? "" : ",")
                    .append(key)
                    .append('=')
                    .append(value.getAsLong());
        }
    }
}
