package dev.stowage.node.filesystem;

import dev.stowage.linux.Fd;
import dev.stowage.linux.FileId;
import dev.stowage.linux.FileName;
import dev.stowage.linux.Folder;
import dev.stowage.linux.OpenFlags;
import dev.stowage.linux.Stat;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.HashSet;
import java.util.Set;

/// How much a folder holds: its files, and their bytes in whole blocks, without holes and each once
/// however many names it has.
final class FolderSize {
    private static final long BLOCK = 4096;

    private final Set<FileId> linked = new HashSet<>();
    private long files;
    private long bytes;

    static FolderSize of(Folder folder) throws IOException {
        var size = new FolderSize();
        size.add(folder.fd().stat());
        size.entries(folder);
        return size;
    }

    long files() {
        return files;
    }

    long bytes() {
        return bytes;
    }

    private void entries(Folder folder) throws IOException {
        for (var name : folder.names()) {
            if (Thread.interrupted()) {
                throw new InterruptedIOException(
                        "looking through %s was stopped".formatted(folder));
            }
            entry(folder, name);
        }
    }

    private void entry(Folder folder, FileName name) throws IOException {
        try (var object = folder.object(name)) {
            var stat = object.stat();
            if (!stat.isFolder() && stat.nlink() > 1 && !linked.add(stat.id())) {
                return;
            }
            if (stat.isRegularFile() && stat.allocatedBytes() < stat.size()) {
                files++;
                parts(object, stat);
            } else {
                add(stat);
            }
            if (stat.isFolder()) {
                try (var below = Folder.of(object)) {
                    entries(below);
                }
            }
        }
    }

    private void add(Stat stat) {
        files++;
        bytes += (stat.size() + BLOCK - 1) / BLOCK * BLOCK;
    }

    private void parts(Fd object, Stat stat) throws IOException {
        try (var file = Fd.open(object.path(), OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK)) {
            Holes.eachPart(
                    file,
                    stat.size(),
                    (begin, end) ->
                            bytes += (end + BLOCK - 1) / BLOCK * BLOCK - begin / BLOCK * BLOCK);
        }
    }
}
