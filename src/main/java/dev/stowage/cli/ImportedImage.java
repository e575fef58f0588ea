package dev.stowage.cli;

import static java.util.stream.Collectors.joining;

import dev.stowage.backend.file.ImageContent;
import dev.stowage.node.filesystem.MountTry;
import dev.stowage.node.filesystem.Signature;
import dev.stowage.node.filesystem.Signatures;
import dev.stowage.node.filesystem.Superblocks;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// A disk image, or a disk, that is to become a volume as it is. What it holds is found out; what
/// is unknown or in doubt, or could not be used as a volume, is refused unless the person insists.
///
/// @param found all that it says it holds
record ImportedImage(Path image, long bytes, List<Signature> found) {

    /// @throws VolumeException NOT_FOUND, or INVALID if it is no image or empty
    static ImportedImage open(Path image) throws IOException {
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
        return new ImportedImage(image, bytes, Signatures.all(image, bytes));
    }

    /// Its bytes, whatever they are.
    ///
    /// @param asTheyAre also if a disk's content is packed in them
    ImportSource block(boolean asTheyAre, Provisioning provisioning) {
        if (!asTheyAre) {
            requireUnpacked(
                    ". A block volume would have the bytes of the packed file; if that is wanted, say --block --as-is");
        }
        return new ImportSource(bytes, Optional.empty(), new ImageContent(image, provisioning));
    }

    /// The file system that it holds; with two, the one that is asked for.
    ///
    /// @throws VolumeException INVALID if that is not certain, or can't be mounted
    ImportSource fileSystem(Optional<FileSystemType> asked, Provisioning provisioning)
            throws IOException {
        MountTry.requireRoot();
        var held = asked.isPresent() ? only(asked.get()) : theOnly();
        var obstacle = Superblocks.obstacle(held, image, bytes);
        if (obstacle.isPresent()) {
            throw refused("can't be mounted: %s".formatted(obstacle.get()));
        }
        var content = new ImageContent(image, provisioning);
        return new ImportSource(
                bytes,
                Optional.of(held),
                (copy, path) -> {
                    content.fill(copy, path);
                    tryToMount(held, path);
                });
    }

    private FileSystemType only(FileSystemType asked) {
        if (found.stream().anyMatch(each -> each.fileSystem().equals(Optional.of(asked)))) {
            return asked;
        }
        requireUnpacked("");
        throw refused("holds %s: it can't be imported as %s".formatted(held(), asked));
    }

    private FileSystemType theOnly() {
        var own = found.stream().flatMap(each -> each.fileSystem().stream()).toList();
        if (own.isEmpty()) {
            requireUnpacked("");
            throw refused(
                    "holds %s: import an ext4, ext3, xfs or btrfs without partitions around it, or say --block for a raw block volume"
                            .formatted(held()));
        }
        if (found.size() > 1) {
            throw refused(
                    "has signatures of %s, and one of them is stale: say which one counts (%s), or say --block for a raw block volume"
                            .formatted(
                                    held(),
                                    own.stream()
                                            .map(each -> "--fs " + each)
                                            .collect(joining(" or "))));
        }
        return own.getFirst();
    }

    private void requireUnpacked(String otherwise) {
        for (var each : found) {
            var unpacking = each.unpacking(image);
            if (unpacking.isPresent()) {
                throw refused(
                        "is %s and not the disk that is in it: unpack it (%s) and import the result%s"
                                .formatted(each, unpacking.get(), otherwise));
            }
        }
    }

    private String held() {
        return found.isEmpty()
                ? "no file system that can be mounted"
                : found.stream().map(Signature::name).distinct().collect(joining(" and "));
    }

    private void tryToMount(FileSystemType fileSystem, Path copy) throws IOException {
        try {
            MountTry.require(fileSystem, copy, VolumeSpec.DEFAULT_BLOCK_SIZE);
        } catch (VolumeException e) {
            throw new VolumeException(
                    e.reason(), "%s is not imported: %s".formatted(image, e.getMessage()), e);
        }
    }

    private VolumeException refused(String why) {
        return new VolumeException(Reason.INVALID, "%s %s".formatted(image, why));
    }
}
