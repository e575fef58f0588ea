package dev.stowage;

import dev.stowage.backend.file.Content;
import dev.stowage.backend.file.ImageContent;
import dev.stowage.node.FolderImage;
import dev.stowage.node.Signature;
import dev.stowage.node.Signatures;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/// What is to become a volume.
///
/// @param bytes the least that the volume needs
/// @param fileSystem empty for raw block
record ImportSource(long bytes, Optional<FileSystemType> fileSystem, Content content) {

    /// A file system is made that holds the folder's content.
    static ImportSource folder(Path folder, Optional<FileSystemType> asked) throws IOException {
        var fileSystem = asked.orElse(FileSystemType.EXT4);
        return new ImportSource(
                FolderImage.bytesFor(fileSystem, folder),
                Optional.of(fileSystem),
                (_, image) -> FolderImage.make(fileSystem, folder, image));
    }

    /// A disk image as it is. What it holds is found out; what can't be found out must be said.
    static ImportSource image(
            Path image, Optional<FileSystemType> asked, boolean block, Provisioning provisioning)
            throws IOException {
        if (!Files.exists(image)) {
            throw new VolumeException(
                    Reason.NOT_FOUND,
                    "there is no %s here (in a container only the pools' folders are seen)"
                            .formatted(image));
        }
        var bytes = ImageContent.bytes(image);
        if (bytes == 0) {
            throw new VolumeException(Reason.INVALID, "%s is empty".formatted(image));
        }
        var fileSystem = block ? Optional.<FileSystemType>empty() : fileSystem(image, bytes, asked);
        return new ImportSource(bytes, fileSystem, new ImageContent(image, provisioning));
    }

    private static Optional<FileSystemType> fileSystem(
            Path image, long bytes, Optional<FileSystemType> asked) throws IOException {
        var found = Signatures.atStart(image, bytes);
        var held = found.flatMap(Signature::fileSystem);
        if (held.isEmpty() && (asked.isEmpty() || found.isPresent())) {
            throw refused(
                    image,
                    found,
                    "import a file system as it is, without partitions around it, or say --block for a raw block volume");
        }
        if (held.isPresent() && asked.isPresent() && !held.equals(asked)) {
            throw refused(image, found, "it can't be imported as %s".formatted(asked.get()));
        }
        return held.or(() -> asked);
    }

    private static VolumeException refused(Path image, Optional<Signature> found, String advice) {
        return new VolumeException(
                Reason.INVALID,
                "%s holds %s: %s"
                        .formatted(
                                image,
                                found.map(Signature::name)
                                        .orElse("no file system that can be mounted"),
                                advice));
    }
}
