package dev.stowage.backend.file;

import dev.stowage.spi.ChangedBlocks;

/// Offsets in whole blocks of lists.
final class Blocks {
    private Blocks() {}

    /// Where the block that holds this byte begins.
    static long floor(long offset) {
        return offset / ChangedBlocks.BLOCK_BYTES * ChangedBlocks.BLOCK_BYTES;
    }

    /// Where the first block that begins here or later begins.
    static long ceiling(long offset) {
        return floor(offset + ChangedBlocks.BLOCK_BYTES - 1);
    }
}
