package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_NOFOLLOW;
import static dev.stowage.linux.OpenFlags.O_RDONLY;

import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.XfsSize;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Origin;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/// How far a volume with an XFS can grow, by itself or into a copy. Read from the image, also while
/// another node uses it: what settles the limit was written when the file system was made. One
/// that was not formatted yet can have any size.
final class XfsReach {
    private XfsReach() {}

    /// The range without what the volume's file system should not take.
    ///
    /// @param leastBytes what it has already
    /// @throws VolumeException OUT_OF_RANGE if nothing is left of the range
    static CapacityRange within(Volume volume, Path image, CapacityRange range, long leastBytes)
            throws ErrnoException {
        if (!isXfs(volume.fileSystem())) {
            return range;
        }
        try (var fd = Fd.open(image, O_RDONLY | O_NOFOLLOW)) {
            return within("volume " + volume.id(), fd, range, leastBytes);
        }
    }

    /// @throws VolumeException OUT_OF_RANGE if the copy of what the origin holds should not become
    ///     as large
    static void require(Origin origin, CapacityRange range) throws IOException {
        if (isXfs(origin.fileSystem()) && origin.image().isPresent()) {
            try (var fd = Fd.open(origin.image().get(), O_RDONLY)) {
                var _ = within("a copy of this volume or snapshot", fd, range, origin.sizeBytes());
            }
        }
    }

    private static boolean isXfs(Optional<FileSystemType> fileSystem) {
        return fileSystem.equals(Optional.of(FileSystemType.XFS));
    }

    private static CapacityRange within(String what, Fd image, CapacityRange range, long leastBytes)
            throws ErrnoException {
        var size = XfsSize.read(image);
        if (size.isEmpty()) {
            return range;
        }
        var largest = Math.max(leastBytes, size.get().largestBytes());
        if (range.requiredBytes() > largest) {
            throw new VolumeException(
                    Reason.OUT_OF_RANGE,
                    "%s can't grow to %d bytes, at most to %d: its xfs was made with allocation groups of %d bytes and would have so many of them that growth and mounts take minutes; for more, make a new volume of that size and copy the files"
                            .formatted(
                                    what, range.requiredBytes(), largest, size.get().groupBytes()));
        }
        return range.atMost(largest);
    }
}
