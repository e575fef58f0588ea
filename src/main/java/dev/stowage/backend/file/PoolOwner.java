package dev.stowage.backend.file;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.linux.Stat;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.util.Optional;

/// What is made in a shared pool belongs to whoever owns the pool's folder, whichever driver made
/// it: nodes' drivers are root, the controller need not be.
final class PoolOwner {
    private PoolOwner() {}

    /// For what this driver makes in the pool. Only root can give away; an exclusive pool has one
    /// user. The owner is looked up each time: an administrator may change it while drivers run.
    static NewFile of(FilePoolSettings settings) {
        return settings.shared() && Linux.isRoot()
                ? made -> give(made, Linux.stat(settings.path()))
                : NewFile.AS_MADE;
    }

    private static void give(Fd made, Stat pool) throws IOException {
        if (pool.uid() == 0 && pool.gid() == 0) {
            return;
        }
        try {
            made.changeOwner(pool.uid(), pool.gid());
        } catch (ErrnoException e) {
            throw new IOException(
                    "%s can't be given to %s, who owns the pool's folder (%s): the server of a network file system must let root do that (NFS: no_root_squash)"
                            .formatted(made, owner(pool), e.getMessage()),
                    e);
        }
    }

    /// @throws VolumeException UNAVAILABLE if nodes would not give this driver what they make
    static void requireOwn(FilePoolSettings settings) throws IOException {
        if (settings.shared()
                && !Linux.isRoot()
                && Linux.stat(settings.path()).uid() != Linux.effectiveUser()) {
            throw notOwn(settings, settings.path());
        }
    }

    /// What to answer where the kernel said that this driver may not do something in the pool;
    /// empty where it failed for another reason.
    static Optional<VolumeException> notOwn(FilePoolSettings settings, IOException failed) {
        return switch (failed) {
            case AccessDeniedException e when e.getFile() != null ->
                    Optional.of(notOwn(settings, Path.of(e.getFile())));
            case ErrnoException e when e.is(Errno.EACCES) ->
                    Optional.of(notOwn(settings, Path.of(e.subject())));
            default -> Optional.empty();
        };
    }

    private static VolumeException notOwn(FilePoolSettings settings, Path file) {
        var path = settings.path();
        var user = Linux.effectiveUser();
        return new VolumeException(
                Reason.UNAVAILABLE,
                "pool %s can't be used: this driver runs as user %d, and %s belongs to %s; give it the folder with all that is in it (chown -R %d:%d %s), or run the driver as the folder's owner (controller.runAsUser in the chart)"
                        .formatted(settings.name(), user, file, ownerOf(file), user, user, path));
    }

    private static String ownerOf(Path file) {
        try {
            return owner(Linux.lstat(file));
        } catch (ErrnoException e) { // it lies in a folder of somebody else
            return "somebody else";
        }
    }

    private static String owner(Stat stat) {
        return Integer.toUnsignedString(stat.uid()) + ":" + Integer.toUnsignedString(stat.gid());
    }
}
