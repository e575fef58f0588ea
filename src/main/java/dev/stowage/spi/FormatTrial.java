package dev.stowage.spi;

import dev.stowage.volume.FileSystemType;
import java.util.List;

/// Tries whether mkfs makes what is asked for, before a volume is promised that is to be formatted
/// so at its first use.
public interface FormatTrial {
    /// Takes everything for possible.
    FormatTrial NONE = (_, _, _) -> {};

    /// Where it can't be tried, that is logged and nothing is refused.
    ///
    /// @param mkfsOptions that [MkfsOptions] has checked
    /// @param bytes the size of the device
    /// @throws VolumeException INVALID with the program's own words
    void require(FileSystemType fileSystem, List<String> mkfsOptions, long bytes);
}
