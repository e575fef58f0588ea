package dev.stowage.backend.file;

import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.Provisioning;
import java.io.IOException;

/// What a new image begins with.
@FunctionalInterface
interface Filling {
    /// Gives the empty file its length and content; the caller syncs it.
    ///
    /// @return how far the format of such a volume has come
    FormatState fill(Fd image, Provisioning provisioning, long bytes) throws IOException;

    /// Whether the image may share blocks with another.
    default boolean shares() {
        return false;
    }

    /// Nothing but zeros that were never written.
    static Filling blank() {
        return (image, provisioning, bytes) -> {
            size(image, provisioning, bytes);
            return new FormatState.Blank();
        };
    }

    /// Gives the file its length, and thick its blocks where it has none.
    static void size(Fd image, Provisioning provisioning, long bytes) throws ErrnoException {
        switch (provisioning) {
            case THICK -> image.allocate(bytes);
            case THIN -> image.truncate(bytes);
        }
    }
}
