package dev.stowage.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Optional;

/// How large an ext2, ext3 or ext4 is, and how large it can ever become: both are settled by its
/// superblock (struct ext4_super_block, fs/ext4/ext4.h).
public final class ExtSize {
    private static final long OFFSET = 1024;
    private static final int SIZE = 1024;

    // s_feature_incompat, s_feature_ro_compat
    private static final int INCOMPAT_64BIT = 0x80;
    private static final int SPARSE_SUPER2 = 0x200; // s_feature_compat
    private static final int BIGALLOC = 0x200;

    /// Of a group descriptor, without and with 64bit.
    private static final int DESCRIPTOR = 32;

    private static final int WIDE_DESCRIPTOR = 64;

    /// Block numbers without 64bit, and inode numbers always.
    private static final long NUMBERS = 1L << 32;

    /// mke2fs and resize2fs leave out a last group that has not that many blocks to spare.
    private static final long SPARE_BLOCKS = 50;

    /// The bitmaps of a group and its copies of superblock and descriptors, at the least.
    private static final int OWN_BLOCKS = 4;

    private final ByteBuffer superblock;

    private ExtSize(ByteBuffer superblock) {
        this.superblock = superblock;
    }

    /// From the device or the image that holds it, in use or not. Empty where there is none.
    public static Optional<ExtSize> read(Path deviceOrImage) throws ErrnoException {
        try (var fd = Fd.open(deviceOrImage, OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW)) {
            return read(fd);
        }
    }

    /// As [#read(Path)].
    public static Optional<ExtSize> read(Fd deviceOrImage) throws ErrnoException {
        var superblock = ByteBuffer.allocate(SIZE).order(ByteOrder.LITTLE_ENDIAN);
        while (superblock.hasRemaining()
                && deviceOrImage.read(superblock, OFFSET + superblock.position()) > 0) {
            // a short read goes on where it ended
        }
        var found = new ExtSize(superblock);
        return superblock.hasRemaining() || found.unsignedShort(0x38) != Usage.EXT4
                ? Optional.empty()
                : Optional.of(found);
    }

    public long bytes() {
        var blocks = unsigned(0x4); // s_blocks_count_lo
        if (wide()) {
            blocks |= unsigned(0x150) << 32; // s_blocks_count_hi
        }
        return blocks * blockSize();
    }

    /// The largest device that it can ever make use of; its own size where it can't grow.
    ///
    /// The limits are those of resize2fs (resize/main.c, resize2fs.c), by which all can grow where
    /// they are not mounted. The kernel refuses to grow a mounted one earlier or later, which
    /// depends on its version; a volume's limit must not depend on the node that it is used on.
    public long largestBytes() {
        if (obstacle().isPresent()) {
            return bytes();
        }
        var blocks = Math.min(firstBlock() + groups() * blocksPerGroup(), most());
        return Math.max(bytes(), blocks * blockSize());
    }

    /// Why it can't grow at all.
    public Optional<String> obstacle() {
        if ((integer(0x64) & BIGALLOC) != 0) {
            return Optional.of(
                    "it was made with bigalloc, and neither the kernel nor resize2fs is known to grow such a file system safely");
        }
        if (blocksPerGroup() == 0 || integer(0x28) == 0) {
            return Optional.of("its superblock names no block groups");
        }
        return Optional.empty();
    }

    /// Whether the kernel can grow it while it is mounted, if it lets this process do it.
    public boolean growsMounted() {
        return (integer(0x5c) & SPARSE_SUPER2) == 0;
    }

    /// Whether it would get larger on a device of `bytes`, by more than a few blocks: a remainder
    /// too small for a block group of its own stays unused.
    public boolean growsOn(long bytes) {
        return obstacle().isEmpty()
                && usable(bytes) * blockSize() > bytes() + SPARE_BLOCKS * blockSize();
    }

    /// The size to ask resize2fs for on a device of `bytes`, in the file system's blocks; empty
    /// where it is to find it by itself.
    public Optional<Long> blocksToAskFor(long bytes) {
        return bytes > largestBytes() ? Optional.of(usable(bytes)) : Optional.empty();
    }

    private long usable(long bytes) {
        // Of 2^32 blocks one can't be told by a number.
        var most = wide() ? Long.MAX_VALUE : NUMBERS - 1;
        var blocks = Math.min(Math.min(bytes, largestBytes()) / blockSize(), most);
        var remainder = (blocks - firstBlock()) % blocksPerGroup();
        return remainder < overheadBlocks() + SPARE_BLOCKS ? blocks - remainder : blocks;
    }

    /// All descriptors must have their place in the first group, beside what else belongs to it,
    /// and each inode a number.
    private long groups() {
        var size = wide() ? Math.max(WIDE_DESCRIPTOR, unsignedShort(0xfe)) : DESCRIPTOR;
        var room = blocksPerGroup() - firstBlock() - inodeTable() - OWN_BLOCKS - SPARE_BLOCKS;
        return Math.min(
                room * (blockSize() / size), (NUMBERS - 1) / unsigned(0x28)); // s_inodes_per_group
    }

    private long most() {
        return wide() ? Long.MAX_VALUE / blockSize() : NUMBERS;
    }

    /// What a group may need before it has a block to spare.
    private long overheadBlocks() {
        return inodeTable() + unsignedShort(0xce) + OWN_BLOCKS; // s_reserved_gdt_blocks
    }

    private long inodeTable() {
        return unsigned(0x28) * unsignedShort(0x58) / blockSize(); // s_inode_size
    }

    private boolean wide() {
        return (integer(0x60) & INCOMPAT_64BIT) != 0;
    }

    private int blockSize() {
        return 1024 << (integer(0x18) & 0xf);
    }

    private long firstBlock() {
        return unsigned(0x14);
    }

    private long blocksPerGroup() {
        return unsigned(0x20);
    }

    private int unsignedShort(int field) {
        return Short.toUnsignedInt(superblock.getShort(field));
    }

    private long unsigned(int field) {
        return Integer.toUnsignedLong(integer(field));
    }

    private int integer(int field) {
        return superblock.getInt(field);
    }
}
