package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_NOFOLLOW;
import static dev.stowage.linux.OpenFlags.O_RDWR;

import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/// Grows an image, then its record. Killed between the two, the image is larger than the record
/// says and the retry goes on from there; an image never shrinks, for somebody may have seen it
/// large.
final class VolumeGrowth {
    private final VolumeStore store;
    private final Durable durable;

    VolumeGrowth(VolumeStore store, Durable durable) {
        this.store = store;
        this.durable = durable;
    }

    /// The capacity that a growth to a size within `range` comes to.
    ///
    /// @throws VolumeException OUT_OF_RANGE if there is none
    long target(Volume volume, CapacityRange range) throws IOException {
        var bytes = Linux.lstat(store.image(volume.id())).size();
        if (range.limitBytes() > 0 && bytes > range.limitBytes()) {
            throw new VolumeException(
                    Reason.OUT_OF_RANGE,
                    "an earlier growth of volume %s to %d bytes was begun and not finished, which is over the limit of %d; volumes never shrink: ask for %d bytes to finish it"
                            .formatted(volume.id(), bytes, range.limitBytes(), bytes));
        }
        var least = Math.max(volume.capacityBytes(), bytes);
        var image = store.image(volume.id());
        return FileSystemReach.within(volume, image, range, least).choose(least);
    }

    /// @param larger the volume as it is to be
    Volume grow(VolumeFolder folder, Volume larger) throws IOException {
        var grown = VolumeRecord.withCapacity(StoredRecord.read(folder.record()), larger);
        var bytes = larger.capacityBytes();
        try (var image = Fd.open(folder.image(), O_RDWR | O_NOFOLLOW)) {
            var before = image.stat().size();
            Optional<Path> record = Optional.empty();
            try {
                switch (larger.provisioning()) {
                    case THICK -> image.allocate(bytes);
                    case THIN -> image.truncate(bytes);
                }
                durable.syncNew(image);
                record = Optional.of(durable.temporary(folder.path(), grown));
            } finally {
                if (record.isEmpty()) {
                    image.truncate(before); // gives back what a half-done fallocate took
                }
            }
            durable.rename(record.get(), folder.record());
        }
        return larger;
    }
}
