package dev.stowage.spi;

import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.FormatState;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/// A snapshot or volume that a new volume begins with, in the same pool or in another. While it is
/// open it is not deleted by this driver, and it can be read to its end whatever others do.
public interface CopySource extends AutoCloseable {
    /// What a volume needs at least to take it all.
    long sizeBytes();

    /// The logical block size at which its content was written.
    int blockSizeBytes();

    /// What it was made for; empty for raw block.
    Optional<FileSystemType> fileSystem();

    /// How far its format has come, read anew each time. A node may format a volume while it is
    /// copied: only if this is the same before and after does the copy fit it.
    FormatState format() throws IOException;

    /// A file on this machine with its bytes, to be opened for reading; empty where there is none.
    Optional<Path> image();

    /// Where SEEK_DATA finds no data in the image, nothing was ever written.
    boolean holesTold();

    /// Writes out what this machine still has in memory for it, down to the image.
    void flush() throws IOException;

    /// Sees to it that nobody on any node writes to it until this is closed. For those who must
    /// read byte by byte; one atomic clone of the image needs no stillness.
    ///
    /// @throws VolumeException FAILED_PRECONDITION naming who uses it
    void requireQuiesced() throws IOException;

    @Override
    void close();
}
