package dev.stowage.testing;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/// Takes all that a disk has, as volumes, logs or other users of the disk do.
public final class FullDisk {
    private static final int NEW_FILE =
            OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_NOFOLLOW;

    /// XFS makes inodes by the chunk; where a disk has some thousands of them, some are left.
    private static final int MOST_FILES = 300;

    private FullDisk() {}

    /// Takes every block, and the inodes that need none, with files in `folder`, which is new.
    public static void fill(Path folder) throws IOException {
        Files.createDirectory(folder);
        takeBlocks(folder.resolve("blocks"));
        takeInodes(folder, MOST_FILES);
    }

    private static void takeBlocks(Path file) throws IOException {
        var length = 0L;
        try (var fd = Fd.open(file, NEW_FILE, 0600)) {
            for (var piece = 64L << 20; piece >= 1024; piece /= 2) {
                try {
                    while (true) {
                        fd.allocate(length + piece);
                        length += piece;
                    }
                } catch (ErrnoException e) {
                    requireFull(e);
                }
            }
            fd.fsync();
        }
        write(file, length);
    }

    /// What can be written is more than what can be allocated, on some file systems.
    private static void write(Path file, long from) throws IOException {
        try (var fd = Fd.open(file, OpenFlags.O_RDWR)) {
            for (var at = from; ; at += 512) {
                var _ = fd.write(ByteBuffer.allocate(512), at);
            }
        } catch (ErrnoException e) {
            requireFull(e);
        }
    }

    /// Takes inodes until there is none, or `most`.
    public static void takeInodes(Path folder, int most) throws IOException {
        try {
            for (var i = 0; i < most; i++) {
                Fd.open(folder.resolve("inode-" + i), NEW_FILE, 0600).close();
            }
        } catch (ErrnoException e) {
            requireFull(e);
        }
    }

    private static void requireFull(ErrnoException e) throws ErrnoException {
        if (!e.is(Errno.ENOSPC)) {
            throw e;
        }
    }
}
