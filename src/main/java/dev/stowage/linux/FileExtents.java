package dev.stowage.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;

/// Where the bytes of a file lie on its disk (FS_IOC_FIEMAP, linux/fiemap.h).
public final class FileExtents {
    private static final long FS_IOC_FIEMAP = 0xC020660BL;

    /// sizeof(struct fiemap) without its extents, and sizeof(struct fiemap_extent)
    private static final int HEAD_BYTES = 32;

    private static final int EXTENT_BYTES = 56;
    private static final int AT_ONCE = 512;

    private static final int FIEMAP_FLAG_SYNC = 1;
    private static final int FIEMAP_EXTENT_LAST = 1;
    private static final int FIEMAP_EXTENT_UNKNOWN = 2;
    private static final int FIEMAP_EXTENT_UNWRITTEN = 0x800;
    private static final int FIEMAP_EXTENT_SHARED = 0x2000;

    private FileExtents() {}

    /// @param offset in the file
    /// @param physical on the disk; the same for two files that share the blocks
    public record Extent(long offset, long physical, long bytes, int flags) {
        /// Allocated and never written: reads as zeros.
        public boolean unwritten() {
            return (flags & FIEMAP_EXTENT_UNWRITTEN) != 0;
        }

        /// Some other file has the same blocks, or the same file at another offset.
        public boolean shared() {
            return (flags & FIEMAP_EXTENT_SHARED) != 0;
        }

        /// Its place on the disk is known.
        public boolean placed() {
            return (flags & FIEMAP_EXTENT_UNKNOWN) == 0;
        }

        private boolean last() {
            return (flags & FIEMAP_EXTENT_LAST) != 0;
        }
    }

    /// Gives every extent from `offset` on to `each`, in order; first what is in memory gets its
    /// place on the disk. What changes meanwhile is seen or not.
    public static void each(Fd file, long offset, Consumer<Extent> each) throws ErrnoException {
        var at = offset;
        while (true) {
            var buffer = map(file, at);
            var count = buffer.getInt(20); // fm_mapped_extents
            if (count == 0) {
                return;
            }
            for (var i = 0; i < count; i++) {
                var extent = extent(buffer, HEAD_BYTES + i * EXTENT_BYTES);
                each.accept(extent);
                if (extent.last()) {
                    return;
                }
                at = extent.offset() + extent.bytes();
            }
        }
    }

    private static ByteBuffer map(Fd file, long from) throws ErrnoException {
        var fiemap = new byte[HEAD_BYTES + AT_ONCE * EXTENT_BYTES];
        var buffer = ByteBuffer.wrap(fiemap).order(ByteOrder.nativeOrder());
        buffer.putLong(0, from); // fm_start
        buffer.putLong(8, Long.MAX_VALUE - from); // fm_length
        buffer.putInt(16, FIEMAP_FLAG_SYNC); // fm_flags
        buffer.putInt(24, AT_ONCE); // fm_extent_count
        file.ioctl("FS_IOC_FIEMAP", FS_IOC_FIEMAP, fiemap);
        return buffer;
    }

    private static Extent extent(ByteBuffer buffer, int at) {
        return new Extent(
                buffer.getLong(at), // fe_logical
                buffer.getLong(at + 8), // fe_physical
                buffer.getLong(at + 16), // fe_length
                buffer.getInt(at + 40)); // fe_flags
    }
}
