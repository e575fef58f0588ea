package dev.stowage.backend.file;

import dev.stowage.linux.Fd;
import java.io.IOException;
import java.nio.file.Path;

/// What a volume holds from its first moment, where it does not begin blank.
public interface FirstContent {
    /// Writes it into a new image, which has the volume's full length and reads as zeros; whoever
    /// asks for it makes it durable.
    ///
    /// @param image open for reading and writing
    /// @param path where it is, for programs
    void fill(Fd image, Path path) throws IOException;
}
