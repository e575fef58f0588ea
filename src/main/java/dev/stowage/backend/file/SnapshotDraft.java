package dev.stowage.backend.file;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.SnapshotId;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A snapshot that is being built in `.incoming`, with its files open.
final class SnapshotDraft implements AutoCloseable {
    private final OpenPool open;
    private final String nonce;
    private final Fd folder;
    private final Fd image;
    private final Fd record;
    private final Fd format;

    private SnapshotDraft(OpenPool open, String nonce, Fd folder, Fd image, Fd record, Fd format) {
        this.open = open;
        this.nonce = nonce;
        this.folder = folder;
        this.image = image;
        this.record = record;
        this.format = format;
    }

    /// @param nonce the name to build it under
    static SnapshotDraft begin(OpenPool open, String nonce) throws IOException {
        var durable = open.durable();
        var opened = new ArrayList<Fd>();
        try {
            var folder = VolumeBuilder.newFolder(open.folders().incoming(), nonce, durable);
            opened.add(folder);
            for (var name :
                    List.of(SnapshotFolder.IMAGE, SnapshotFolder.RECORD, SnapshotFolder.FORMAT)) {
                opened.add(VolumeBuilder.newFile(folder, name, durable));
            }
            return new SnapshotDraft(
                    open, nonce, folder, opened.get(1), opened.get(2), opened.get(3));
        } catch (IOException | RuntimeException e) { // such as no room for the next
            opened.forEach(Fd::close);
            throw e;
        }
    }

    Fd image() {
        return image;
    }

    /// Writes what is to be known of it, and makes all of it durable.
    ///
    /// @param copy empty where the image is whole
    void finish(Snapshot snapshot, FormatState state, Optional<SnapshotRecord.Copy> copy)
            throws IOException {
        var names = open.folder().snapshot(snapshot.id());
        var durable = open.durable();
        Durable.write(
                record, SnapshotRecord.bytes(names, snapshot, copy, open.nonces().instance()));
        Durable.write(format, FormatRecord.bytes(StoredRecord.blank(names.format()), state));
        durable.syncNew(record);
        durable.syncNew(format);
        durable.syncNew(image);
        durable.syncNew(folder);
    }

    /// Gives it its name, which is not durable yet. False if the name is taken.
    boolean rename(SnapshotId id) throws IOException {
        try {
            Linux.renameNoReplace(
                    open.folder().incoming().resolve(nonce), open.folder().snapshot(id).path());
            return true;
        } catch (ErrnoException e) {
            if (e.is(Errno.EEXIST)) {
                return false;
            }
            throw e;
        }
    }

    @Override
    public void close() {
        folder.close();
        image.close();
        record.close();
        format.close();
    }
}
