package dev.stowage.volume;

/// The size that a caller asks for: at least `requiredBytes`, at most `limitBytes`; 0 means "not
/// said" (CSI's CapacityRange).
public record CapacityRange(long requiredBytes, long limitBytes) {
    /// What a volume gets when nobody says how large it should be.
    public static final long DEFAULT_BYTES = 1L << 30;

    /// Sizes tried in turn until one stays within the limit. The smallest is a sector: a loop
    /// device has no finer size.
    private static final long[] GRANULARITIES = {1L << 20, 4096, 512};

    public CapacityRange {
        if (requiredBytes < 0 || limitBytes < 0) {
            throw new VolumeException(
                    Reason.INVALID,
                    "capacity must not be negative: required %d, limit %d"
                            .formatted(requiredBytes, limitBytes));
        }
        if (limitBytes > 0 && requiredBytes > limitBytes) {
            throw new VolumeException(
                    Reason.INVALID,
                    "required capacity %d is over the limit %d"
                            .formatted(requiredBytes, limitBytes));
        }
    }

    public static CapacityRange atLeast(long bytes) {
        return new CapacityRange(bytes, 0);
    }

    /// The same range without what lies below `bytes`.
    ///
    /// @throws VolumeException OUT_OF_RANGE if nothing is left of it
    public CapacityRange raisedTo(long bytes) {
        if (limitBytes > 0 && limitBytes < bytes) {
            throw new VolumeException(
                    Reason.OUT_OF_RANGE,
                    "the limit is %d bytes, but what the volume is to begin with has %d: ask for at least as much"
                            .formatted(limitBytes, bytes));
        }
        return new CapacityRange(Math.max(requiredBytes, bytes), limitBytes);
    }

    /// The same range without what lies above `largestBytes`, which is at least what is required.
    public CapacityRange atMost(long largestBytes) {
        return limitBytes > 0 && limitBytes <= largestBytes || largestBytes == Long.MAX_VALUE
                ? this
                : new CapacityRange(requiredBytes, largestBytes);
    }

    /// Whether an existing volume of `bytes` is what was asked for.
    public boolean holds(long bytes) {
        return bytes >= requiredBytes && (limitBytes == 0 || bytes <= limitBytes);
    }

    /// The size to make: what is required (or the default, within the limit), at least
    /// `minimumBytes`, rounded up to whole MiB, or finer where the limit leaves no room for that.
    ///
    /// @throws VolumeException OUT_OF_RANGE if the limit is under `minimumBytes` or between two
    ///     sectors
    public long choose(long minimumBytes) {
        var wanted = Math.max(requiredBytes > 0 ? requiredBytes : defaultBytes(), minimumBytes);
        for (var granularity : GRANULARITIES) {
            if (wanted > Long.MAX_VALUE - granularity) {
                break;
            }
            var size = (wanted + granularity - 1) / granularity * granularity;
            if (limitBytes == 0 || size <= limitBytes) {
                return size;
            }
        }
        throw new VolumeException(
                Reason.OUT_OF_RANGE,
                "no size from %d to %d bytes will do: at least %d are needed, in whole sectors of 512"
                        .formatted(requiredBytes, limitBytes, minimumBytes));
    }

    private long defaultBytes() {
        return limitBytes > 0 ? Math.min(DEFAULT_BYTES, limitBytes) : DEFAULT_BYTES;
    }
}
