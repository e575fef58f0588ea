package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_CREAT;
import static dev.stowage.linux.OpenFlags.O_DIRECTORY;
import static dev.stowage.linux.OpenFlags.O_EXCL;
import static dev.stowage.linux.OpenFlags.O_NOFOLLOW;
import static dev.stowage.linux.OpenFlags.O_WRONLY;
import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.function.Supplier;

/// Every step that must outlive a power cut goes through here. A failed fsync is never repeated; it
/// makes the pool sick, unless it only says that there is no room for a file that nobody relies on
/// yet.
final class Durable {
    static final int FILE_MODE = 0600;
    static final int FOLDER_MODE = 0700;

    private final Sickness sickness;
    private final Supplier<String> temporaryNames;
    private final NewFile newFile;

    /// @param temporaryNames names of which no two are the same, whoever asks
    Durable(Sickness sickness, Supplier<String> temporaryNames, NewFile newFile) {
        this.sickness = sickness;
        this.temporaryNames = temporaryNames;
        this.newFile = newFile;
    }

    Durable(Sickness sickness, Supplier<String> temporaryNames) {
        this(sickness, temporaryNames, NewFile.AS_MADE);
    }

    /// For what is made without the methods below.
    void settle(Fd made) throws IOException {
        newFile.settle(made);
    }

    /// Whether the disk, a quota, or the largest file that the file system knows is the limit.
    static boolean noRoom(ErrnoException e) {
        return e.is(Errno.ENOSPC, Errno.EDQUOT, Errno.EFBIG);
    }

    /// Whether a step that can wait may be tried again later: there is no room for it, or the disk
    /// can't be written at present.
    static boolean comesLater(ErrnoException e) {
        return noRoom(e) || e.is(Errno.EROFS);
    }

    /// Syncs a file or folder that nobody relies on yet.
    void syncNew(Fd fd) throws ErrnoException {
        try {
            fd.fsync();
        } catch (ErrnoException e) {
            if (!noRoom(e)) {
                sickness.declare(e);
            }
            throw e;
        }
    }

    void sync(Fd fd) throws ErrnoException {
        try {
            fd.fsync();
        } catch (ErrnoException e) {
            sickness.declare(e);
            throw e;
        }
    }

    /// As [#sync], where nothing was changed now: a disk that takes no more writes has nothing that
    /// could still be made durable.
    void syncUnchanged(Fd fd) throws ErrnoException {
        try {
            fd.fsync();
        } catch (ErrnoException e) {
            if (!e.is(Errno.EROFS)) {
                sickness.declare(e);
                throw e;
            }
        }
    }

    /// Makes the names in a folder durable.
    void syncFolder(Path folder) throws ErrnoException {
        try (var fd = Fd.open(folder, O_DIRECTORY)) {
            sync(fd);
        }
    }

    /// Writes `content` to a new file in `folder` and syncs it; its name is not durable yet.
    Path temporary(Path folder, byte[] content) throws IOException {
        var made = folder.resolve(temporaryNames.get());
        try (var fd = Fd.open(made, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE)) {
            newFile.settle(fd);
            write(fd, content);
            syncNew(fd);
            return made;
        } catch (IOException e) {
            Files.deleteIfExists(made);
            throw e;
        }
    }

    /// Puts `content` in the place of what `target` held: all of it or nothing.
    void replace(Path target, byte[] content) throws IOException {
        var folder = Objects.requireNonNull(target.getParent());
        rename(temporary(folder, content), target);
    }

    /// Puts a synced file in the place of one in the same folder.
    void rename(Path made, Path target) throws IOException {
        try {
            Files.move(made, target, ATOMIC_MOVE);
        } catch (IOException e) {
            Files.deleteIfExists(made);
            throw e;
        }
        syncFolder(Objects.requireNonNull(target.getParent()));
    }

    /// Makes `target` with this content, if nothing has the name yet.
    boolean makeIfAbsent(Path target, byte[] content) throws IOException {
        var folder = Objects.requireNonNull(target.getParent());
        var made = temporary(folder, content);
        try {
            return link(made, target);
        } finally {
            Files.deleteIfExists(made);
            syncFolder(folder);
        }
    }

    /// link(2): false where the name is taken. Durable when the folder has been synced.
    static boolean link(Path existing, Path made) throws ErrnoException {
        try {
            Linux.link(existing, made);
            return true;
        } catch (ErrnoException e) {
            if (e.is(Errno.EEXIST)) {
                return false;
            }
            throw e;
        }
    }

    static void write(Fd fd, byte[] content) throws ErrnoException {
        var buffer = ByteBuffer.wrap(content);
        while (buffer.hasRemaining()) {
            var _ = fd.write(buffer, buffer.position());
        }
    }
}
