package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_CREAT;
import static dev.stowage.linux.OpenFlags.O_EXCL;
import static dev.stowage.linux.OpenFlags.O_RDWR;

import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/// Tries on the pool itself what its file system can do: whether SEEK_DATA tells bytes that were
/// written from those that never were, and whether files can share blocks.
///
/// @param seekDataTrusted an image in which SEEK_DATA finds nothing has never been written
/// @param reflinks FICLONE works
record ExtentProbe(boolean seekDataTrusted, boolean reflinks) {
    private static final int FILE_BYTES = 1 << 20;
    private static final int BLOCK_BYTES = 4096;
    private static final long OFFSET = FILE_BYTES / 2;

    /// What is expected of a file system that was not tried out yet.
    static final ExtentProbe LEAST = new ExtentProbe(false, false);

    static ExtentProbe run(PoolFolder pool, Nonces nonces) throws IOException {
        var sparse = pool.incoming().resolve(nonces.probe());
        var allocated = pool.incoming().resolve(nonces.probe());
        try (var first = newFile(sparse);
                var second = newFile(allocated)) {
            first.truncate(FILE_BYTES);
            second.allocate(FILE_BYTES);
            var trusted = tellsWritten(first) && tellsWritten(second);
            return new ExtentProbe(trusted, clones(first, second));
        } finally {
            Files.deleteIfExists(sparse);
            Files.deleteIfExists(allocated);
        }
    }

    private static Fd newFile(Path path) throws ErrnoException {
        return Fd.open(path, O_RDWR | O_CREAT | O_EXCL, Durable.FILE_MODE);
    }

    /// Nothing before a block is written, that block after it. A file system that answers only
    /// "everything is data" fails here, as it must.
    private static boolean tellsWritten(Fd file) throws ErrnoException {
        file.fsync();
        if (file.seekData(0) != -1) {
            return false;
        }
        var block = new byte[BLOCK_BYTES];
        block[0] = 1;
        var buffer = ByteBuffer.wrap(block);
        while (buffer.hasRemaining()) {
            var _ = file.write(buffer, OFFSET + buffer.position());
        }
        file.fsync();
        var found = file.seekData(0);
        return found >= 0 && found <= OFFSET && file.seekData(OFFSET) == OFFSET;
    }

    private static boolean clones(Fd from, Fd to) throws ErrnoException {
        try {
            Linux.cloneFile(from, to);
            return true;
        } catch (ErrnoException e) {
            if (Durable.comesLater(e)) {
                throw e; // it says nothing of what is possible when there is room
            }
            return false; // whatever the reason, copying is what remains
        }
    }
}
