package dev.stowage.backend.file;

import dev.stowage.linux.BtrfsQuota;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Linux;
import dev.stowage.linux.Usage;
import java.nio.file.Path;
import java.util.Optional;

/// What there is room for below a pool's folder: its file system, and what a quota leaves of it.
/// Project quotas of ext4 and XFS are in what statfs(2) answers for the folder.
final class PoolDisk {
    private PoolDisk() {}

    static Usage usage(Path root) throws ErrnoException {
        var usage = Linux.statfs(root);
        return quota(root, usage)
                .map(quota -> usage.within(quota.limitBytes(), quota.leftBytes()))
                .orElse(usage);
    }

    /// Has all that was written so far counted against the quota. btrfs does that when it commits,
    /// at most half a minute later.
    static void settle(Path root) throws ErrnoException {
        if (quota(root, Linux.statfs(root)).isPresent()) {
            Linux.syncfs(root);
        }
    }

    private static Optional<BtrfsQuota> quota(Path root, Usage usage) throws ErrnoException {
        return usage.type() == Usage.BTRFS ? BtrfsQuota.of(root) : Optional.empty();
    }
}
