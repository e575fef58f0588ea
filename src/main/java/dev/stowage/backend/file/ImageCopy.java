package dev.stowage.backend.file;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.function.LongPredicate;

/// Copies images: by sharing blocks, at one moment whatever the size, or byte by byte.
final class ImageCopy {
    private static final int CHUNK_BYTES = 1 << 20;
    private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(CHUNK_BYTES);

    private ImageCopy() {}

    /// Lets `to` share all blocks of `from`; false where the file system can't, or they lie on two.
    static boolean share(Fd from, Fd to) throws ErrnoException {
        try {
            Linux.cloneFile(from, to);
            return true;
        } catch (ErrnoException e) {
            if (e.is(
                    Errno.EXDEV,
                    Errno.EOPNOTSUPP,
                    Errno.EINVAL,
                    Errno.ENOTTY,
                    Errno.ENOSYS,
                    Errno.EPERM)) {
                return false;
            }
            throw e;
        }
    }

    /// Copies the first `bytes` into a file that reads as zeros there. Holes stay holes, and so do
    /// pieces that are all zeros.
    ///
    /// @param holesTold SEEK_DATA finds all that was ever written; else everything is read
    /// @param stop asked before each piece, with the bytes that were read so far
    /// @throws InterruptedIOException if it was stopped
    static void copy(Fd from, Fd to, long bytes, boolean holesTold, LongPredicate stop)
            throws IOException {
        var before = new long[1];
        eachPart(
                from,
                bytes,
                holesTold,
                (begin, end) -> {
                    copy(from, to, begin, end, read -> stop.test(before[0] + read));
                    before[0] += end - begin;
                });
    }

    /// How much [#copy] has to read.
    static long bytesToRead(Fd from, long bytes, boolean holesTold) throws IOException {
        var sum = new long[1];
        eachPart(from, bytes, holesTold, (begin, end) -> sum[0] += end - begin);
        return sum[0];
    }

    private interface Part {
        void at(long begin, long end) throws IOException;
    }

    private static void eachPart(Fd from, long bytes, boolean holesTold, Part part)
            throws IOException {
        if (!holesTold || !settled(from)) {
            part.at(0, bytes);
            return;
        }
        // What was read ahead into allocated blocks looks like data, which would be read and so on.
        from.readNothingAhead();
        var at = 0L;
        while (at < bytes) {
            var data = from.seekData(at);
            if (data < 0 || data >= bytes) {
                return;
            }
            at = Math.min(from.seekHole(data), bytes);
            part.at(data, at);
        }
    }

    /// Gives all that was written its place on disk: without one it might look like a hole. False
    /// where nothing can be written any more, because the disk became read-only.
    private static boolean settled(Fd from) throws ErrnoException {
        try {
            from.fsync();
            return true;
        } catch (ErrnoException e) {
            if (e.is(Errno.EROFS)) {
                return false;
            }
            throw e;
        }
    }

    private static void copy(Fd from, Fd to, long begin, long end, LongPredicate stop)
            throws IOException {
        var chunk = ByteBuffer.allocateDirect(CHUNK_BYTES);
        for (var at = begin; at < end; ) {
            if (stop.test(at - begin)) {
                throw new InterruptedIOException("the copy of %s was stopped".formatted(from));
            }
            chunk.clear().limit((int) Math.min(CHUNK_BYTES, end - at));
            if (from.read(chunk, at) == 0) {
                return; // shorter than it was said to be; what is missing reads as zeros
            }
            chunk.flip();
            if (chunk.mismatch(ZEROS) == chunk.limit()) {
                at += chunk.limit();
                continue;
            }
            while (chunk.hasRemaining()) {
                at += to.write(chunk, at);
            }
        }
    }
}
