package dev.stowage.node.filesystem;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.FileAttributes;
import dev.stowage.linux.FileId;
import dev.stowage.linux.FileName;
import dev.stowage.linux.Folder;
import dev.stowage.linux.OpenFlags;
import dev.stowage.linux.Stat;
import dev.stowage.node.device.DeviceNumber;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;

/// Copies all that is in a folder into the root of a new file system: what each file holds, with
/// its holes, and what it has beside that ([FileAttributes]), hard links among the files, symlinks,
/// pipes and device files. Sockets are left out: each belongs to a process that listens on it. What
/// is mounted below the folder is copied like the rest.
final class FolderCopy {
    private static final int CHUNK_BYTES = 1 << 20;
    private static final FileName TOP = new FileName(new byte[0]);

    private final Folder root;
    private final ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK_BYTES);

    /// Of files with several names: the path of the first one below the root.
    private final Map<FileId, FileName> linked = new HashMap<>();

    private FolderCopy(Folder root) {
        this.root = root;
    }

    /// @throws VolumeException FAILED_PRECONDITION if somebody writes to a file meanwhile
    /// @throws InterruptedIOException if the thread is interrupted
    static void copy(Folder from, Folder root) throws IOException {
        var attributes = FileAttributes.of(from.fd());
        new FolderCopy(root).entries(from, root, TOP);
        attributes.giveTo(root.fd());
    }

    private void entries(Folder from, Folder to, FileName path) throws IOException {
        for (var name : from.names()) {
            if (Thread.interrupted()) {
                throw new InterruptedIOException("the copy of %s was stopped".formatted(from.fd()));
            }
            try (var object = from.object(name)) {
                entry(object, to, name, name.below(path));
            }
        }
    }

    private void entry(Fd object, Folder to, FileName name, FileName path) throws IOException {
        var attributes = FileAttributes.of(object);
        var stat = attributes.stat();
        if (stat.isSocket()) {
            return;
        }
        if (!stat.isFolder() && stat.nlink() > 1) {
            var first = linked.putIfAbsent(stat.id(), path);
            if (first != null) {
                to.makeLink(name, root, first);
                return;
            }
        }
        if (stat.isFolder()) {
            to.makeFolder(name);
        } else if (stat.isRegularFile()) {
            file(object, attributes, to, name);
        } else if (stat.isSymlink()) {
            to.makeSymlink(name, Folder.readSymlink(object));
        } else {
            node(object, stat, to, name);
        }
        try (var made = to.object(name)) {
            if (stat.isFolder()) {
                try (var below = Folder.of(object);
                        var copy = Folder.of(made)) {
                    entries(below, copy, path);
                }
            }
            attributes.giveTo(made);
        }
    }

    private static void node(Fd object, Stat stat, Folder to, FileName name) throws ErrnoException {
        try {
            to.makeNode(name, stat);
        } catch (ErrnoException e) {
            if (!e.is(Errno.EINVAL)) {
                throw e;
            }
            // XFS has 14 bits for the major number and 18 for the minor one (sysv_valid_dev,
            // linux/kdev_t.h)
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "the device file %s has the number %s, which the new file system can't store: take the file away, or use another --fs, such as ext4"
                            .formatted(object, DeviceNumber.of(stat)),
                    e);
        }
    }

    private void file(Fd object, FileAttributes before, Folder to, FileName name)
            throws IOException {
        try (var from = Fd.open(object.path(), OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK);
                var copy = to.create(name)) {
            var size = before.stat().size();
            copy.truncate(size);
            Holes.eachPart(from, size, (begin, end) -> part(object, from, copy, begin, end));
            if (!FileAttributes.of(from).sameContent(before)) {
                throw new VolumeException(
                        Reason.FAILED_PRECONDITION,
                        "%s was written to while it was copied: end that use first"
                                .formatted(object));
            }
        }
    }

    private void part(Fd object, Fd from, Fd to, long begin, long end) throws IOException {
        for (var at = begin; at < end; ) {
            if (Thread.interrupted()) {
                throw new InterruptedIOException("the copy of %s was stopped".formatted(object));
            }
            chunk.clear().limit((int) Math.min(CHUNK_BYTES, end - at));
            if (from.read(chunk, at) == 0) {
                return; // shorter by now, which is seen at the end
            }
            chunk.flip();
            while (chunk.hasRemaining()) {
                at += to.write(chunk, at);
            }
        }
    }
}
