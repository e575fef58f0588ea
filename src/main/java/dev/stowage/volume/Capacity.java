package dev.stowage.volume;

/// How much of a pool can still be reserved.
///
/// @param totalBytes what the pool can hold in all
/// @param availableBytes what new volumes can still reserve, in sum
/// @param largestVolumeBytes the largest single volume that a create would grant now
public record Capacity(long totalBytes, long availableBytes, long largestVolumeBytes) {
    public static final Capacity NONE = new Capacity(0, 0, 0);

    /// Sizes are rounded up to this where a limit does not forbid it.
    private static final long GRANULARITY = 1L << 20;

    /// The same, where no volume can be larger than `largestBytes` for another reason.
    public Capacity atMost(long largestBytes) {
        var largest = Math.min(largestVolumeBytes, largestBytes / GRANULARITY * GRANULARITY);
        return new Capacity(totalBytes, availableBytes, largest);
    }
}
