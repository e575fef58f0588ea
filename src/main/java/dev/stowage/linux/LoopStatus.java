package dev.stowage.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/// struct loop_info64 of linux/loop.h, as far as we use it: the same on all architectures.
record LoopStatus(FileId image, int flags, String name, byte[] structure) {
    static final int LO_FLAGS_READ_ONLY = 1;
    static final int LO_FLAGS_AUTOCLEAR = 4;
    static final int LO_FLAGS_DIRECT_IO = 16;

    /// What asks the file system of the backing file, and fails with it.
    static final String READ = "LOOP_GET_STATUS64";

    /// LO_NAME_SIZE less the NUL.
    static final int NAME_BYTES = 63;

    private static final long LOOP_SET_STATUS64 = 0x4C04;
    private static final long LOOP_GET_STATUS64 = 0x4C05;
    private static final int SIZE = 232;
    private static final int LO_DEVICE = 0;
    private static final int LO_INODE = 8;
    private static final int LO_FLAGS = 52;
    private static final int LO_FILE_NAME = 56;

    /// struct loop_config: fd, block_size, then a loop_info64, then 8 reserved words.
    private static final int CONFIG_SIZE = 304;

    private static final int CONFIG_BLOCK_SIZE = 4;
    private static final int CONFIG_INFO = 8;

    /// ENXIO where the device is not bound.
    static LoopStatus read(Fd device) throws ErrnoException {
        var structure = new byte[SIZE];
        device.ioctl(READ, LOOP_GET_STATUS64, structure);
        var fields = ByteBuffer.wrap(structure).order(ByteOrder.nativeOrder());
        var image = new FileId(fields.getLong(LO_DEVICE), fields.getLong(LO_INODE));
        var length = 0;
        while (length < NAME_BYTES && structure[LO_FILE_NAME + length] != 0) {
            length++;
        }
        var name = new String(structure, LO_FILE_NAME, length, StandardCharsets.UTF_8);
        return new LoopStatus(image, fields.getInt(LO_FLAGS), name, structure);
    }

    boolean has(int flag) {
        return (flags & flag) != 0;
    }

    boolean isOf(FileId file, String owner) {
        return image.equals(file) && name.equals(owner);
    }

    /// Takes LO_FLAGS_AUTOCLEAR off again.
    void withoutAutoclear(Fd device) throws ErrnoException {
        var changed = structure.clone();
        ByteBuffer.wrap(changed)
                .order(ByteOrder.nativeOrder())
                .putInt(LO_FLAGS, flags & ~LO_FLAGS_AUTOCLEAR);
        device.ioctl("LOOP_SET_STATUS64", LOOP_SET_STATUS64, changed);
    }

    /// The argument of LOOP_CONFIGURE. `name` is at most [#NAME_BYTES] long.
    static byte[] configuration(Fd image, int blockSize, int flags, byte[] name) {
        var structure = new byte[CONFIG_SIZE];
        ByteBuffer.wrap(structure)
                .order(ByteOrder.nativeOrder())
                .putInt(0, image.number())
                .putInt(CONFIG_BLOCK_SIZE, blockSize)
                .putInt(CONFIG_INFO + LO_FLAGS, flags)
                .put(CONFIG_INFO + LO_FILE_NAME, name);
        return structure;
    }
}
