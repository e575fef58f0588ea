package dev.stowage.backend.file;

import dev.stowage.linux.Linux;
import dev.stowage.linux.Usage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;

/// `.spare`: a file that is given up where a delete has no space for its own rename. btrfs writes a
/// rename to new blocks, and refuses those below a quota that is used up (EDQUOT); it never refuses
/// to remove a file. Other file systems rename in place, and need no such file.
final class Spare {
    static final String NAME = ".spare";

    /// More than btrfs sets aside for a rename, 22 blocks of 16 KiB.
    static final int BYTES = 1 << 20;

    private final PoolFolder pool;
    private final Durable durable;
    /// No spare file is known to be there, and one is wanted.
    private volatile boolean missing = true;

    Spare(PoolFolder pool, Durable durable) {
        this.pool = pool;
        this.durable = durable;
    }

    private Path file() {
        return pool.root().resolve(NAME);
    }

    /// Makes it, unless it is there or there is too little space.
    void keep() throws IOException {
        if (!missing) {
            return;
        }
        var usage = PoolDisk.usage(pool.root());
        if (usage.type() == Usage.BTRFS && Linux.lstatIfExists(file()).isEmpty()) {
            if (usage.availableBytes() < Reservations.RESERVE_BYTES) {
                return; // until more is deleted
            }
            var bytes = new byte[BYTES];
            new SecureRandom().nextBytes(bytes); // a compressed file of zeros would take no space
            var _ = durable.makeIfAbsent(file(), bytes);
        }
        missing = false;
    }

    /// Gives it up; its space is free when this returns. False if there was none.
    boolean spend() throws IOException {
        if (!Files.deleteIfExists(file())) {
            return false;
        }
        missing = true;
        Linux.syncfs(pool.root());
        return true;
    }
}
