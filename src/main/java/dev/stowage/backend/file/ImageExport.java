package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_CREAT;
import static dev.stowage.linux.OpenFlags.O_EXCL;
import static dev.stowage.linux.OpenFlags.O_NOFOLLOW;
import static dev.stowage.linux.OpenFlags.O_RDONLY;
import static dev.stowage.linux.OpenFlags.O_RDWR;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.volume.IoAction;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

/// Copies a volume's image out of the pool: to a temporary file beside the wanted one, synced, then
/// renamed.
///
/// @param temporary a name that nobody else uses
record ImageExport(Path image, Provisioning provisioning, String temporary) {
    /// @param stillUnused throws if the volume has been taken into use
    void to(Path file, IoAction stillUnused) throws IOException {
        var target = file.toAbsolutePath();
        var folder = Objects.requireNonNull(target.getParent(), "a file lies in a folder");
        if (Linux.lstatIfExists(target).isPresent()) {
            throw taken(target);
        }
        var made = folder.resolve(temporary);
        try {
            copy(made);
            stillUnused.run();
            Linux.renameNoReplace(made, target);
        } catch (ErrnoException e) {
            if (e.call().startsWith("rename") && e.is(Errno.EEXIST)) {
                throw taken(target);
            }
            throw e;
        } finally {
            Files.deleteIfExists(made);
        }
        Linux.fsyncFolder(folder);
    }

    private void copy(Path made) throws IOException {
        try (var from = Fd.open(image, O_RDONLY | O_NOFOLLOW);
                var to = Fd.open(made, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, Durable.FILE_MODE)) {
            var before = Files.getLastModifiedTime(from.path());
            var bytes = from.stat().size();
            // The blocks of a thick volume are its own; shared ones would need new room later.
            if (provisioning == Provisioning.THICK || !ImageCopy.share(from, to)) {
                to.truncate(bytes);
                ImageCopy.copy(from, to, bytes, true, _ -> Thread.interrupted());
            }
            if (!Files.getLastModifiedTime(from.path()).equals(before)) {
                throw new VolumeException(
                        Reason.FAILED_PRECONDITION,
                        "%s was written to while it was copied: end the pods that use the volume first"
                                .formatted(image));
            }
            to.fsync();
        }
    }

    private static VolumeException taken(Path target) {
        return new VolumeException(
                Reason.ALREADY_EXISTS, "%s exists: give another name".formatted(target));
    }
}
