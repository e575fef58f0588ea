package dev.stowage.node;

/// How full a volume is. For raw block only the size is known, and all else 0.
///
/// @param usedBytes all that nobody can write to any more
/// @param availableBytes what others than root can still write
/// @param inodes 0 where the file system has no fixed number of them (btrfs)
public record VolumeStats(
        boolean block,
        long totalBytes,
        long usedBytes,
        long availableBytes,
        long inodes,
        long usedInodes,
        long freeInodes) {
    static VolumeStats ofBlock(long bytes) {
        return new VolumeStats(true, bytes, 0, 0, 0, 0, 0);
    }
}
