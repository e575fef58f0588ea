package dev.stowage.node;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Files;

/// The empty folder or file that a volume is bound to, opened once and held: whatever its name
/// leads to later, the mount goes here. Never followed when it is a symlink; never emptied.
final class Target implements AutoCloseable {
    private static final int FOLDER_MODE = 0750;
    private static final int FILE_MODE = 0600;

    private final HostPath place;
    private final Fd parent;
    private final Fd fd;
    private final boolean made;

    private Target(HostPath place, Fd parent, Fd fd, boolean made) {
        this.place = place;
        this.parent = parent;
        this.fd = fd;
        this.made = made;
    }

    static Target folder(HostPath place) throws IOException {
        return open(place, Target::folder);
    }

    static Target file(HostPath place) throws IOException {
        return open(place, Target::file);
    }

    private interface Opener {
        Target in(HostPath place, Fd parent) throws IOException;
    }

    private static Target open(HostPath place, Opener opener) throws IOException {
        var parent = parent(place);
        try {
            return opener.in(place, parent);
        } catch (IOException | RuntimeException e) {
            parent.close();
            throw e;
        }
    }

    private static Target folder(HostPath place, Fd parent) throws IOException {
        var made = parent.mkdirAtIfAbsent(place.name(), FOLDER_MODE);
        var fd = existing(place, parent, OpenFlags.O_DIRECTORY);
        return checked(new Target(place, parent, fd, made), Target::requireEmptyFolder);
    }

    private static Target file(HostPath place, Fd parent) throws IOException {
        try {
            var flags = OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_NOFOLLOW;
            return new Target(place, parent, parent.openAt(place.name(), flags, FILE_MODE), true);
        } catch (ErrnoException e) {
            if (!e.is(Errno.EEXIST)) {
                throw e;
            }
        }
        var fd = existing(place, parent, 0);
        return checked(new Target(place, parent, fd, false), Target::requireEmptyFile);
    }

    private interface Check {
        void of(Target target) throws IOException;
    }

    private static Target checked(Target target, Check check) throws IOException {
        try {
            check.of(target);
            return target;
        } catch (IOException | RuntimeException e) {
            target.fd.close();
            throw e;
        }
    }

    private void requireEmptyFolder() throws IOException {
        if (!made && !isEmpty(fd)) {
            throw refused(place, "is a folder with something in it");
        }
    }

    private void requireEmptyFile() throws IOException {
        var stat = fd.stat();
        if (!stat.isRegularFile() || stat.size() > 0) {
            throw refused(place, "exists and is not an empty file");
        }
    }

    private static Fd existing(HostPath place, Fd parent, int flags) throws IOException {
        try {
            return parent.openAt(place.name(), OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW | flags, 0);
        } catch (ErrnoException e) {
            if (e.is(Errno.ELOOP, Errno.ENOTDIR)) {
                throw refused(place, "exists and is not a folder");
            }
            throw e;
        }
    }

    private static VolumeException refused(HostPath place, String why) {
        return new VolumeException(
                Reason.FAILED_PRECONDITION,
                "target %s %s; nothing there was touched: move it away".formatted(place, why));
    }

    private static boolean isEmpty(Fd folder) throws IOException {
        try (var entries = Files.newDirectoryStream(folder.path())) {
            return !entries.iterator().hasNext();
        }
    }

    private static Fd parent(HostPath place) throws IOException {
        return Fd.open(place.folder(), OpenFlags.O_PATH | OpenFlags.O_DIRECTORY);
    }

    Fd fd() {
        return fd;
    }

    /// Removes what this made, after a failure.
    void undo(Exception failure) {
        try {
            if (made) {
                remove(place, parent);
            }
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    /// Removes an empty folder or an empty file that nothing is mounted on. Anything else stays:
    /// it is not ours.
    static void remove(HostPath place) throws IOException {
        try (var parent = parent(place)) {
            remove(place, parent);
        } catch (ErrnoException e) {
            if (!e.is(Errno.ENOENT)) {
                throw e;
            }
        }
    }

    private static void remove(HostPath place, Fd parent) throws IOException {
        var stat = parent.statAt(place.name());
        if (stat.isRegularFile() && stat.size() == 0) {
            parent.unlinkAt(place.name());
        } else if (stat.isFolder()) {
            try {
                parent.rmdirAt(place.name());
            } catch (ErrnoException e) {
                if (!e.is(Errno.ENOTEMPTY)) {
                    throw e;
                }
            }
        }
    }

    @Override
    public void close() {
        fd.close();
        parent.close();
    }
}
