package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_NOFOLLOW;
import static dev.stowage.linux.OpenFlags.O_RDONLY;

import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.ExtSize;
import dev.stowage.linux.Fd;
import dev.stowage.linux.XfsSize;
import dev.stowage.spi.CopySource;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/// How far the file system in an image can grow. Its superblock settles that, in the image, also
/// while another node uses it: what the limit comes from was written when the file system was made.
/// What is not formatted yet has no limit here.
final class FileSystemReach {
    /// @param why no more, as part of a sentence
    private record Limit(long bytes, String why) {}

    private FileSystemReach() {}

    /// The range without what the volume's file system can't or should not take.
    ///
    /// @param leastBytes what it has already
    /// @throws VolumeException OUT_OF_RANGE if nothing is left of the range
    static CapacityRange within(Volume volume, Path image, CapacityRange range, long leastBytes)
            throws ErrnoException {
        try (var fd = Fd.open(image, O_RDONLY | O_NOFOLLOW)) {
            return within(
                    "volume " + volume.id(), limit(volume.fileSystem(), fd), range, leastBytes);
        }
    }

    /// @throws VolumeException OUT_OF_RANGE if the copy of what the source holds can't or should
    ///     not become as large
    static void require(CopySource copySource, CapacityRange range) throws IOException {
        if (copySource.image().isEmpty()) {
            return;
        }
        try (var fd = Fd.open(copySource.image().get(), O_RDONLY)) {
            var limit = limit(copySource.fileSystem(), fd);
            var _ =
                    within(
                            "a copy of this volume or snapshot",
                            limit,
                            range,
                            copySource.sizeBytes());
        }
    }

    private static CapacityRange within(
            String what, Optional<Limit> limit, CapacityRange range, long leastBytes) {
        if (limit.isEmpty()) {
            return range;
        }
        var largest = Math.max(leastBytes, limit.get().bytes());
        if (range.requiredBytes() > largest) {
            throw new VolumeException(
                    Reason.OUT_OF_RANGE,
                    "%s can't grow to %d bytes, at most to %d: %s; for more, make a new volume of that size and copy the files"
                            .formatted(what, range.requiredBytes(), largest, limit.get().why()));
        }
        return range.atMost(largest);
    }

    private static Optional<Limit> limit(Optional<FileSystemType> fileSystem, Fd image)
            throws ErrnoException {
        if (fileSystem.isEmpty()) {
            return Optional.empty();
        }
        return switch (fileSystem.get()) {
            case EXT4, EXT3 -> ExtSize.read(image).map(FileSystemReach::ext);
            case XFS -> XfsSize.read(image).map(FileSystemReach::xfs);
            case BTRFS -> Optional.empty();
        };
    }

    private static Limit ext(ExtSize size) {
        var why = size.obstacle().map(obstacle -> ", for " + obstacle).orElse("");
        return new Limit(size.largestBytes(), "its file system can never be larger" + why);
    }

    private static Limit xfs(XfsSize size) {
        return new Limit(
                size.largestBytes(),
                "its xfs was made with allocation groups of %d bytes and would have so many of them that growth and mounts take minutes"
                        .formatted(size.groupBytes()));
    }
}
