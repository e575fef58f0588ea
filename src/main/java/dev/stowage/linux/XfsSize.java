package dev.stowage.linux;

import java.nio.ByteBuffer;
import java.util.Optional;

/// How large an XFS is, and how large it should become: its allocation groups have the size that
/// mkfs gave them, so growth adds groups (struct xfs_dsb, fs/xfs/libxfs/xfs_format.h).
///
/// @param groupBytes the size of each group but the last
public record XfsSize(long bytes, long groupBytes, long groups) {
    private static final int SUPERBLOCK = 512;
    private static final int MAGIC = 0x58465342;

    /// With 4,000 groups of 75 MiB growth takes seconds and a mount half a second; with 56,000 both
    /// take minutes, and 32 GB are set aside for their metadata.
    private static final long MOST_GROUPS = 4096;

    /// Nearly a TiB, the most there is: then there is no better way to be large.
    private static final long LARGE_GROUP = 1L << 39;

    /// From the device or the image that holds it, in use or not. Empty where there is none.
    public static Optional<XfsSize> read(Fd deviceOrImage) throws ErrnoException {
        var superblock = ByteBuffer.allocate(SUPERBLOCK);
        while (superblock.hasRemaining()
                && deviceOrImage.read(superblock, superblock.position()) > 0) {
            // a short read goes on where it ended
        }
        if (superblock.hasRemaining() || superblock.getInt(0) != MAGIC) {
            return Optional.empty();
        }
        var block = superblock.getInt(4); // sb_blocksize
        return Optional.of(
                new XfsSize(
                        superblock.getLong(8) * block, // sb_dblocks
                        Integer.toUnsignedLong(superblock.getInt(84)) * block, // sb_agblocks
                        Integer.toUnsignedLong(superblock.getInt(88)))); // sb_agcount
    }

    /// The largest device that it should fill; its own size where it has too many groups already.
    public long largestBytes() {
        if (groupBytes >= LARGE_GROUP) {
            return Long.MAX_VALUE;
        }
        return groups >= MOST_GROUPS ? bytes : MOST_GROUPS * groupBytes;
    }
}
