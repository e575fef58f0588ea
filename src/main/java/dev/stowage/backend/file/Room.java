package dev.stowage.backend.file;

import dev.stowage.linux.ErrnoException;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;

/// Asks for room in the pool, and says in words that there is none.
final class Room {
    private final Promises promises;
    private final Recount recount;

    Room(Promises promises, Recount recount) {
        this.promises = promises;
        this.recount = recount;
    }

    /// @throws VolumeException NO_SPACE
    void reserve(String promise, long bytes, Provisioning provisioning) throws IOException {
        try {
            promises.reserve(promise, bytes, provisioning);
        } catch (VolumeException e) {
            recount.afterRefusal();
            throw e;
        }
    }

    /// The error to throw: NO_SPACE where the disk is full.
    static IOException inWords(ErrnoException e) {
        if (Durable.noRoom(e)) {
            throw new VolumeException(
                    Reason.NO_SPACE,
                    "there is no room for it on the pool's disk (%s): delete volumes, or use another pool"
                            .formatted(e.getMessage()),
                    e);
        }
        return e;
    }
}
