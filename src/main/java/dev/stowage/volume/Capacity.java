package dev.stowage.volume;

/// How much a pool can still promise.
///
/// @param totalBytes what the pool can hold in all
/// @param availableBytes what new volumes can still be promised, in sum
/// @param largestVolumeBytes the largest single volume that a create would grant now
public record Capacity(long totalBytes, long availableBytes, long largestVolumeBytes) {
    public static final Capacity NONE = new Capacity(0, 0, 0);
}
