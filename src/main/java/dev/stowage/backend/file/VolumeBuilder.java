package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_CREAT;
import static dev.stowage.linux.OpenFlags.O_DIRECTORY;
import static dev.stowage.linux.OpenFlags.O_EXCL;
import static dev.stowage.linux.OpenFlags.O_NOFOLLOW;
import static dev.stowage.linux.OpenFlags.O_RDWR;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.volume.Volume;
import java.io.IOException;

/// Builds a volume aside, whole and durable, and makes it real with one rename. Killed at any
/// instruction, there is a whole volume or none.
final class VolumeBuilder {
    private static final int NEW_FILE = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;

    private final PoolFolder pool;
    private final OpenFolders folders;
    private final Durable durable;

    VolumeBuilder(PoolFolder pool, OpenFolders folders, Durable durable) {
        this.pool = pool;
        this.folders = folders;
        this.durable = durable;
    }

    /// @param filling writes what the image begins with
    /// @param nonce the name to build it under
    /// @return false if the volume exists already; what was built for it is gone then, as after an
    ///     error
    boolean build(Volume volume, Filling filling, String nonce) throws IOException {
        var incoming = pool.incoming().resolve(nonce);
        try {
            fill(volume, filling, nonce);
            Linux.renameNoReplace(incoming, pool.volume(volume.id()).path());
        } catch (IOException | RuntimeException e) {
            FolderTree.erase(incoming);
            if (e instanceof ErrnoException refused
                    && refused.call().startsWith("rename")
                    && refused.is(Errno.EEXIST)) {
                durable.sync(folders.volumes()); // whoever made it may not have come so far
                return false;
            }
            throw e;
        }
        durable.sync(folders.volumes());
        return true;
    }

    /// Everything is written before anything is synced, and what was allocated already, the image,
    /// comes after what is allocated by its own sync: on a journaling file system that spares a
    /// commit.
    private void fill(Volume volume, Filling filling, String nonce) throws IOException {
        try (var folder = newFolder(folders.incoming(), nonce, durable)) {
            var names = pool.volume(volume.id());
            try (var holders = newFolder(folder, VolumeFolder.HOLDERS, durable);
                    var image = newFile(folder, VolumeFolder.IMAGE, durable);
                    var record = newFile(folder, VolumeFolder.RECORD, durable);
                    var format = newFile(folder, VolumeFolder.FORMAT, durable)) {
                var state = filling.fill(image, volume.provisioning(), volume.capacityBytes());
                Durable.write(record, VolumeRecord.bytes(names, volume));
                Durable.write(
                        format, FormatRecord.bytes(StoredRecord.blank(names.format()), state));
                durable.syncNew(record);
                durable.syncNew(format);
                durable.syncNew(image);
                durable.syncNew(holders);
            }
            durable.syncNew(folder);
        }
    }

    static Fd newFolder(Fd parent, String name, Durable durable) throws IOException {
        parent.mkdirAt(name, Durable.FOLDER_MODE);
        return settled(parent.openAt(name, O_DIRECTORY | O_NOFOLLOW, 0), durable);
    }

    static Fd newFile(Fd folder, String name, Durable durable) throws IOException {
        return settled(folder.openAt(name, NEW_FILE, Durable.FILE_MODE), durable);
    }

    private static Fd settled(Fd made, Durable durable) throws IOException {
        try {
            durable.settle(made);
            return made;
        } catch (IOException e) {
            made.close();
            throw e;
        }
    }
}
