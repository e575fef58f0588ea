package dev.stowage.node.filesystem;

import dev.stowage.linux.Fd;
import dev.stowage.node.device.DeviceBytes;
import dev.stowage.volume.FileSystemType;
import java.io.IOException;
import java.util.Optional;

/// The superblock of an ext2, ext3 or ext4 (struct ext4_super_block, fs/ext4/ext4.h), as far as
/// staging decides by it.
public record ExtSuperblock(DeviceBytes device, long offset) {
    static final int SIZE = 1024;
    private static final long PRIMARY = 1024;
    private static final int MAGIC = 0xEF53;

    // s_feature_compat, s_feature_incompat, s_feature_ro_compat
    private static final int HAS_JOURNAL = 0x4;
    private static final int IS_JOURNAL_DEVICE = 0x8;
    private static final int IS_64_BIT = 0x80;
    // All that ext3 knows: FILETYPE, RECOVER, META_BG; SPARSE_SUPER, LARGE_FILE, BTREE_DIR.
    private static final int EXT3_INCOMPATIBLE = 0x2 | 0x4 | 0x10;
    private static final int EXT3_READ_ONLY_COMPATIBLE = 0x1 | 0x2 | 0x4;

    /// EXT4_ERROR_FS of s_state
    private static final int HAS_ERRORS = 0x2;

    /// The first one of a device; empty if there is none.
    static Optional<ExtSuperblock> primary(DeviceBytes front) {
        return at(front, PRIMARY);
    }

    public static Optional<ExtSuperblock> primary(Fd device, long deviceBytes) throws IOException {
        return primary(DeviceBytes.read(device, 0, (int) PRIMARY + SIZE, deviceBytes));
    }

    /// The copy at the start of a later block group, which knows which one it is.
    static Optional<ExtSuperblock> copy(DeviceBytes device, long offset, int blockSize) {
        return at(device, offset)
                .filter(copy -> copy.group() != 0 && copy.blockSize() == blockSize);
    }

    private static Optional<ExtSuperblock> at(DeviceBytes device, long offset) {
        var superblock = new ExtSuperblock(device, offset);
        return device.holds(offset, SIZE) && superblock.unsignedShort(0x38) == MAGIC
                ? Optional.of(superblock)
                : Optional.empty();
    }

    Signature signature() {
        var journal = (incompatible() & IS_JOURNAL_DEVICE) != 0;
        return fileSystem()
                .map(Signature::of)
                .orElseGet(() -> Signature.foreign(journal ? "an external ext journal" : "ext2"));
    }

    /// Empty for ext2 and for a journal device.
    Optional<FileSystemType> fileSystem() {
        if ((incompatible() & IS_JOURNAL_DEVICE) != 0) {
            return Optional.empty();
        }
        if ((incompatible() & ~EXT3_INCOMPATIBLE) != 0
                || (integer(0x64) & ~EXT3_READ_ONLY_COMPATIBLE) != 0) {
            return Optional.of(FileSystemType.EXT4);
        }
        return (integer(0x5c) & HAS_JOURNAL) != 0
                ? Optional.of(FileSystemType.EXT3)
                : Optional.empty();
    }

    /// The kernel found it damaged while it was mounted.
    public boolean hasErrors() {
        return (unsignedShort(0x3a) & HAS_ERRORS) != 0;
    }

    int blockSize() {
        return 1024 << (integer(0x18) & 0xf);
    }

    /// s_block_group_nr
    private int group() {
        return unsignedShort(0x5a);
    }

    /// What the file system takes of its device.
    long fileSystemBytes() {
        var high = (incompatible() & IS_64_BIT) != 0 ? integer(0x150) : 0;
        var blocks = Integer.toUnsignedLong(high) << 32 | Integer.toUnsignedLong(integer(0x4));
        return blocks * blockSize();
    }

    /// Whether its journal lies on another device (s_journal_inum).
    boolean journalElsewhere() {
        return (integer(0x5c) & HAS_JOURNAL) != 0 && integer(0xe0) == 0;
    }

    private int incompatible() {
        return integer(0x60);
    }

    private int unsignedShort(int field) {
        return device.unsignedShort(offset + field);
    }

    private int integer(int field) {
        return device.integer(offset + field);
    }
}
