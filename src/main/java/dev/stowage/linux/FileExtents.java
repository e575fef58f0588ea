package dev.stowage.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.function.Consumer;

/// Where the bytes of a file lie on its disk, extent by extent in order (FS_IOC_FIEMAP,
/// linux/fiemap.h). First what is in memory gets its place on the disk; what changes meanwhile is
/// seen or not. For one thread.
public final class FileExtents {
    private static final long FS_IOC_FIEMAP = 0xC020660BL;

    /// sizeof(struct fiemap) without its extents, and sizeof(struct fiemap_extent)
    private static final int HEAD_BYTES = 32;

    private static final int EXTENT_BYTES = 56;
    private static final int AT_ONCE = 512;

    private static final int FIEMAP_FLAG_SYNC = 1;
    private static final int FIEMAP_EXTENT_LAST = 1;
    private static final int FIEMAP_EXTENT_UNKNOWN = 2;
    private static final int FIEMAP_EXTENT_DELALLOC = 4;
    private static final int FIEMAP_EXTENT_ENCODED = 8;
    private static final int FIEMAP_EXTENT_NOT_ALIGNED = 0x100;
    private static final int FIEMAP_EXTENT_UNWRITTEN = 0x800;
    private static final int FIEMAP_EXTENT_SHARED = 0x2000;

    private static final int NO_BLOCKS_OF_ITS_OWN =
            FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_NOT_ALIGNED;

    private final Fd file;
    private ByteBuffer page = ByteBuffer.allocate(HEAD_BYTES);
    private int read;
    private int count;
    private long next;
    private boolean ended;

    /// @param offset where in the file to begin; an extent that lies across it comes whole or cut
    public FileExtents(Fd file, long offset) {
        this.file = file;
        this.next = offset;
    }

    /// @param offset in the file
    /// @param physical on the disk; the same for two files that share the blocks
    public record Extent(long offset, long physical, long bytes, int flags) {
        public long end() {
            return offset + bytes;
        }

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

        /// Its bytes are those that lie at `physical`, one by one. Not so for what is compressed:
        /// btrfs then names the place of the whole compressed extent for any part of it, so that
        /// other bytes may have the same place; nor for what lies among metadata or in memory.
        public boolean verbatim() {
            return (flags & (NO_BLOCKS_OF_ITS_OWN | FIEMAP_EXTENT_ENCODED)) == 0;
        }

        private boolean last() {
            return (flags & FIEMAP_EXTENT_LAST) != 0;
        }
    }

    /// Whether the file system says where a file's extents are. NFS can share blocks and yet not
    /// say that.
    public static boolean told(Fd file) throws ErrnoException {
        try {
            var _ = new FileExtents(file, 0).next();
            return true;
        } catch (ErrnoException e) {
            if (e.is(Errno.EOPNOTSUPP, Errno.ENOTTY)) {
                return false;
            }
            throw e;
        }
    }

    /// Gives every extent from `offset` on to `each`.
    public static void each(Fd file, long offset, Consumer<Extent> each) throws ErrnoException {
        var extents = new FileExtents(file, offset);
        for (var next = extents.next(); next.isPresent(); next = extents.next()) {
            each.accept(next.get());
        }
    }

    /// The next extent; empty behind the last.
    public Optional<Extent> next() throws ErrnoException {
        if (read == count && !ended) {
            page = map(file, next);
            count = page.getInt(20); // fm_mapped_extents
            read = 0;
            ended = count == 0;
        }
        if (read == count) {
            return Optional.empty();
        }
        var extent = extent(page, HEAD_BYTES + read * EXTENT_BYTES);
        read++;
        next = extent.end();
        ended |= extent.last();
        return Optional.of(extent);
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
