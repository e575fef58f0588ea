package dev.stowage.cli;

import dev.stowage.backend.file.FirstContent;
import dev.stowage.node.filesystem.FolderImage;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/// What is to become a volume.
///
/// @param bytes the least that the volume needs
/// @param fileSystem empty for raw block
record ImportSource(long bytes, Optional<FileSystemType> fileSystem, FirstContent content) {

    /// A file system is made that holds the folder's content.
    ///
    /// @param pool the folder of the pool that it goes to
    /// @throws VolumeException INVALID if one of the two lies in the other
    static ImportSource folder(Path folder, Optional<FileSystemType> asked, Path pool)
            throws IOException {
        var fileSystem = asked.orElse(FileSystemType.EXT4);
        return new ImportSource(
                FolderImage.bytesFor(folder, pool),
                Optional.of(fileSystem),
                (_, image) ->
                        FolderImage.make(fileSystem, folder, image, VolumeSpec.DEFAULT_BLOCK_SIZE));
    }
}
