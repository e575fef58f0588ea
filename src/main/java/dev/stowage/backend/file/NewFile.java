package dev.stowage.backend.file;

import dev.stowage.linux.Fd;
import java.io.IOException;

/// What is done to each file and folder as soon as it is made, before it has a name that others
/// look for.
@FunctionalInterface
interface NewFile {
    /// It stays as the kernel made it.
    NewFile AS_MADE = _ -> {};

    void settle(Fd made) throws IOException;
}
