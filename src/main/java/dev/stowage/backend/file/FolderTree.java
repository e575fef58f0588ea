package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_DIRECTORY;
import static dev.stowage.linux.OpenFlags.O_NOFOLLOW;

import dev.stowage.linux.Fd;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/// Makes and erases folders of the pool. What somebody else erases at the same time is gone just as
/// well.
final class FolderTree {
    private FolderTree() {}

    /// Makes a folder unless it is there; not durable yet. One that is there is settled too:
    /// whoever made it may have been killed before.
    ///
    /// @return whether it was made
    static boolean makeIfAbsent(Fd parent, String name, NewFile newFile) throws IOException {
        var made = parent.mkdirAtIfAbsent(name, Durable.FOLDER_MODE);
        if (newFile != NewFile.AS_MADE) {
            try (var folder = parent.openAt(name, O_DIRECTORY | O_NOFOLLOW, 0)) {
                newFile.settle(folder);
            }
        }
        return made;
    }

    /// Erases a file, or a folder with all that is in it. Links are erased, never followed.
    static void erase(Path tree) throws IOException {
        try {
            Files.walkFileTree(tree, new Eraser());
        } catch (NoSuchFileException e) {
            // gone
        }
    }

    private static final class Eraser extends SimpleFileVisitor<Path> {
        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult visitFileFailed(Path file, IOException failure) throws IOException {
            if (failure instanceof NoSuchFileException) {
                return FileVisitResult.CONTINUE;
            }
            throw failure;
        }

        @Override
        public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException failure)
                throws IOException {
            if (failure != null && !(failure instanceof NoSuchFileException)) {
                throw failure;
            }
            Files.deleteIfExists(folder);
            return FileVisitResult.CONTINUE;
        }
    }
}
