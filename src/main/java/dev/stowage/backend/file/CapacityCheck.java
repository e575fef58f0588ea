package dev.stowage.backend.file;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Path;

/// Reserves capacity, and explains why there is none.
final class CapacityCheck {
    private final Reservations reservations;
    private final Rescan rescan;

    CapacityCheck(Reservations reservations, Rescan rescan) {
        this.reservations = reservations;
        this.rescan = rescan;
    }

    /// @throws VolumeException NO_SPACE
    void reserve(ReservationKey key, long bytes, Provisioning provisioning) throws IOException {
        try {
            reservations.reserve(key, bytes, provisioning);
        } catch (VolumeException e) {
            rescan.afterRefusal();
            throw e;
        }
    }

    /// The error to throw: NO_SPACE where the disk, its inodes or a quota is used up.
    static IOException explained(ErrnoException e, Path root) throws ErrnoException {
        if (!Durable.noRoom(e)) {
            return e;
        }
        var usage = PoolDisk.usage(root);
        String words;
        if (e.is(Errno.EDQUOT)) {
            words =
                    "the quota of the pool's folder leaves no space for it (%s): raise the quota, delete volumes, or use another pool";
        } else if (e.is(Errno.ENOSPC) && usage.countsInodes() && usage.freeInodes() == 0) {
            words = Reservations.noInodes(root, usage, "it") + " (%s)";
        } else {
            words =
                    "there is no space for it on the pool's disk (%s): delete volumes, or use another pool";
        }
        throw new VolumeException(Reason.NO_SPACE, words.formatted(e.getMessage()), e);
    }
}
