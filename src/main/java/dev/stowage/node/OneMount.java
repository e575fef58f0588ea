package dev.stowage.node;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.MountPoint;
import dev.stowage.linux.MountTable;
import dev.stowage.linux.Mounts;
import dev.stowage.volume.IoAction;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/// Mounts something so that there is one mount at the end, also when another process does the same
/// at the same place: the kernel would put one on top of the other.
final class OneMount {
    private static final int ATTEMPTS = 5;

    private OneMount() {}

    /// Returns what is mounted at `place` afterwards: exactly one mount, ours or that of whoever
    /// was quicker.
    static MountPoint make(Path place, IoAction mount) throws IOException {
        for (var attempt = 0; attempt < ATTEMPTS; attempt++) {
            mount.run();
            var there = MountTable.read().at(place);
            while (there.size() > 1) {
                unmountTop(place);
                there = MountTable.read().at(place);
            }
            if (there.size() == 1) {
                return there.getFirst();
            }
            // Each of two took away one of two.
        }
        throw new ErrnoException(
                "move_mount, which somebody undid " + ATTEMPTS + " times",
                place.toString(),
                Errno.EBUSY);
    }

    /// Takes away all of `mounts`, which are at `place`.
    static void unmount(Path place, List<MountPoint> mounts) throws IOException {
        for (var _ : mounts) {
            unmountTop(place);
        }
    }

    /// EINVAL: somebody else was quicker.
    private static void unmountTop(Path place) throws IOException {
        try {
            Mounts.unmount(place);
        } catch (ErrnoException e) {
            if (!e.is(Errno.EINVAL, Errno.ENOENT)) {
                throw e;
            }
        }
    }
}
