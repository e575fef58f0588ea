package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_NOFOLLOW;
import static dev.stowage.linux.OpenFlags.O_RDONLY;

import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.volume.Capacity;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeSpec;
import java.nio.file.Path;

/// The largest image that the pool's file system can have: 16 TiB on an ext4 with blocks of 4 KiB,
/// 8 EiB on XFS and btrfs. Asked of a file of the pool that is there already, so it needs neither
/// room nor a writable disk.
final class LargestFile {
    private static final long UNKNOWN = 0;

    private final Path file;
    private volatile long bytes = UNKNOWN;

    LargestFile(PoolFolder pool) {
        this.file = pool.identity();
    }

    private long bytes() throws ErrnoException {
        var known = bytes;
        if (known == UNKNOWN) {
            try (var fd = Fd.open(file, O_RDONLY | O_NOFOLLOW)) {
                known = fd.largestBytes();
            }
            bytes = known;
        }
        return known;
    }

    /// What the pool offers, without volumes that are too large for it.
    Capacity within(Capacity capacity) throws ErrnoException {
        return capacity.atMost(bytes());
    }

    /// @throws VolumeException NO_SPACE if all sizes asked for are too large: another pool may do
    VolumeSpec within(VolumeSpec spec) throws ErrnoException {
        if (spec.capacity().requiredBytes() > bytes()) {
            throw new VolumeException(Reason.NO_SPACE, words(spec.capacity()));
        }
        return spec.atMost(bytes());
    }

    /// @throws VolumeException OUT_OF_RANGE if all sizes asked for are too large: the volume can
    ///     never have them
    CapacityRange within(CapacityRange range) throws ErrnoException {
        if (range.requiredBytes() > bytes()) {
            throw new VolumeException(Reason.OUT_OF_RANGE, words(range));
        }
        return range.atMost(bytes());
    }

    private String words(CapacityRange range) throws ErrnoException {
        return "the largest file on this pool's file system is %d bytes, and %d are asked for: ask for less, or for a volume in another pool"
                .formatted(bytes(), range.requiredBytes());
    }
}
