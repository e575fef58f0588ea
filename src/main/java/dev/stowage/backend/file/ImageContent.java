package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_EXCL;
import static dev.stowage.linux.OpenFlags.O_NONBLOCK;
import static dev.stowage.linux.OpenFlags.O_RDONLY;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.linux.Stat;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// The bytes of a disk image, or of a disk, that nobody writes to meanwhile.
///
/// A thin volume shares the image's blocks where the file system can. A thick one never does: the
/// pool counts its blocks as its own, and shared ones would need new room when they are written.
public record ImageContent(Path source, Provisioning provisioning) implements FirstContent {
    /// The length of the image.
    ///
    /// @throws VolumeException INVALID if it is neither a file nor a disk; FAILED_PRECONDITION if
    ///     somebody may write to it
    public static long bytes(Path source) throws IOException {
        try (var from = open(source)) {
            return bytes(from);
        }
    }

    @Override
    public void fill(Fd image, Path path) throws IOException {
        try (var from = open(source)) {
            var before = Files.getLastModifiedTime(source);
            if (provisioning == Provisioning.THICK || !ImageCopy.share(from, image)) {
                // a disk knows no holes: lseek(2) on one is EINVAL
                var holesTold = !from.stat().isBlockDevice();
                ImageCopy.copy(from, image, bytes(from), holesTold, _ -> Thread.interrupted());
            }
            if (!Files.getLastModifiedTime(source).equals(before)) {
                throw inUse(source, "it was written to while it was copied");
            }
        }
    }

    private static Fd open(Path source) throws IOException {
        requireImage(source, Linux.stat(source)); // a socket can't be opened at all
        Fd opened;
        try {
            // O_EXCL counts for a disk alone, and is refused while it is mounted; O_NONBLOCK is for
            // pipes, whose open waits for a writer
            opened = Fd.open(source, O_RDONLY | O_EXCL | O_NONBLOCK);
        } catch (ErrnoException e) {
            if (e.is(Errno.EBUSY)) {
                throw inUse(source, "it is mounted or otherwise in use");
            }
            throw e;
        }
        try {
            var stat = opened.stat();
            requireImage(source, stat);
            requireUnused(source, stat);
            return opened;
        } catch (IOException | RuntimeException e) {
            opened.close();
            throw e;
        }
    }

    private static long bytes(Fd from) throws ErrnoException {
        var stat = from.stat();
        return stat.isBlockDevice() ? from.blockDeviceBytes() : stat.size();
    }

    private static void requireImage(Path source, Stat stat) {
        if (!stat.isRegularFile() && !stat.isBlockDevice()) {
            throw new VolumeException(
                    Reason.INVALID,
                    "%s is neither a file nor a disk nor a folder, so its content has no length: write it into a file, and import that"
                            .formatted(source));
        }
    }

    private static void requireUnused(Path source, Stat stat) throws IOException {
        for (var loop : LoopUsers.of(source, stat.id())) {
            if (!loop.readOnly()) {
                throw inUse(source, "%s ('%s') is bound to it".formatted(loop.path(), loop.name()));
            }
        }
    }

    private static VolumeException inUse(Path source, String how) {
        return new VolumeException(
                Reason.FAILED_PRECONDITION,
                "%s can't be copied whole: %s; end that use first (umount, losetup -d)"
                        .formatted(source, how));
    }
}
