package dev.stowage.node.device;

import dev.stowage.linux.Fd;
import dev.stowage.linux.FileId;
import dev.stowage.linux.OpenFlags;
import java.io.IOException;
import java.nio.file.Path;

/// An image file. The path is opened anew each time and must still lead to the same file.
///
/// @param provable SEEK_DATA was seen to find every byte that was ever written on this pool
record ImageBacking(Path image, FileId identity, boolean provable) implements Backing {
    @Override
    public Past past() throws IOException {
        if (!provable) {
            return Past.UNKNOWN;
        }
        try (var file = open()) {
            // What was only read: a device without direct I/O reads through the image's page cache.
            // What was written is in the image since the device was synced.
            file.dropCache();
            return file.seekData(0) < 0 ? Past.BLANK : Past.WRITTEN;
        }
    }

    @Override
    public void sync() throws IOException {
        try (var file = open()) {
            file.fsync();
        }
    }

    private Fd open() throws IOException {
        var file = Fd.open(image, OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW);
        try {
            if (file.stat().id().equals(identity)) {
                return file;
            }
            throw new IOException(
                    "image file %s was replaced while it was in use".formatted(image));
        } catch (IOException e) {
            file.close();
            throw e;
        }
    }
}
