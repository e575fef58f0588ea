package dev.stowage.backend.file;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Path;

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

    /// The error to throw: NO_SPACE where the disk, its inodes or a quota is used up.
    static IOException inWords(ErrnoException e, Path root) throws ErrnoException {
        if (!Durable.noRoom(e)) {
            return e;
        }
        var usage = PoolDisk.usage(root);
        String words;
        if (e.is(Errno.EDQUOT)) {
            words =
                    "the quota of the pool's folder leaves no room for it (%s): raise the quota, delete volumes, or use another pool";
        } else if (e.is(Errno.ENOSPC) && usage.countsInodes() && usage.freeInodes() == 0) {
            words = Promises.noInodes(root, usage) + " (%s)";
        } else {
            words =
                    "there is no room for it on the pool's disk (%s): delete volumes, or use another pool";
        }
        throw new VolumeException(Reason.NO_SPACE, words.formatted(e.getMessage()), e);
    }
}
