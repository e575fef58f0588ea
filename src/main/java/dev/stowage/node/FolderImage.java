package dev.stowage.node;

import dev.stowage.linux.Linux;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;

/// Makes a file system with the content of a folder in an image file, by mkfs alone: nothing is
/// attached or mounted. Owners, modes, times, links and extended attributes are kept, sockets are
/// left out.
public final class FolderImage {
    private static final long BLOCK = 4096;

    /// What mke2fs gives to each inode (mke2fs.conf(5), inode_ratio).
    private static final long BYTES_FOR_EACH_FILE = 16384;

    /// A journal, or the metadata of a btrfs, which lies there twice.
    private static final long ROOM_BYTES = 128L << 20;

    private FolderImage() {}

    /// Enough for the folder, and some more.
    ///
    /// @throws VolumeException INVALID for a file system that can't be made so
    public static long bytesFor(FileSystemType fileSystem, Path folder) throws IOException {
        var _ = option(fileSystem);
        var count = new Count();
        Files.walkFileTree(folder, count);
        return ROOM_BYTES + Math.max(count.bytes / 4 * 5, count.files * BYTES_FOR_EACH_FILE);
    }

    /// @param image reads as zeros, in its full length
    public static void make(FileSystemType fileSystem, Path folder, Path image) throws IOException {
        var options = new ArrayList<>(List.of(option(fileSystem), folder.toString()));
        if (fileSystem != FileSystemType.BTRFS) {
            var top = Linux.stat(folder);
            options.addAll(List.of("-E", "root_owner=%d:%d".formatted(top.uid(), top.gid())));
        }
        new Mkfs().run(fileSystem, options, image, true);
    }

    private static String option(FileSystemType fileSystem) {
        return switch (fileSystem) {
            case EXT4, EXT3 -> "-d";
            case BTRFS -> "--rootdir";
            case XFS ->
                    throw new VolumeException(
                            Reason.INVALID,
                            "mkfs.xfs makes no file system from a folder: use ext4 or btrfs, or import an image that holds an xfs");
        };
    }

    private static final class Count extends SimpleFileVisitor<Path> {
        private long files;
        private long bytes;

        @Override
        public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
            return add(attributes);
        }

        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            return add(attributes);
        }

        private FileVisitResult add(BasicFileAttributes attributes) {
            files++;
            bytes += (attributes.size() + BLOCK - 1) / BLOCK * BLOCK;
            return FileVisitResult.CONTINUE;
        }
    }
}
