package dev.stowage.spi;

import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/// What this machine's drivers freeze, noted for the case that one dies meanwhile: the kernel does
/// not tell who froze a file system, and what its user froze is not to be thawed.
public interface FreezeNotes {
    /// A file system that is to be frozen.
    ///
    /// @param device `major:minor` of its block device
    /// @param sequence which use of that device it is (the kernel's diskseq); empty where the
    ///     kernel does not tell
    record Frozen(VolumeId volume, String device, String sequence) {}

    /// A note, there until it is closed or its file is removed. Its writer holds it locked.
    interface Note extends AutoCloseable {
        Path file();

        /// Nothing of it is frozen any more.
        @Override
        void close();
    }

    /// Notes what is about to be frozen. Durable when this returns.
    ///
    /// @throws IOException if it can't be noted, and then nothing may be frozen
    Note write(List<Frozen> fileSystems) throws IOException;

    /// Thaws what a note of a dead driver names.
    interface Thaw {
        void of(Frozen fileSystem) throws IOException;
    }

    /// Calls `thaw` for each file system that a driver froze which died since this machine was
    /// started, and forgets what was thawed. What fails is logged and left for the next start.
    void thawLeftovers(Thaw thaw);
}
