package dev.stowage.linux;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/// What the system said, for a message. Where Java has an exception of its own for that, its
/// message is only the file's name.
public final class IoReason {
    private static final String NO_SUCH_FILE = "No such file or directory";

    private IoReason() {}

    public static String of(IOException e) {
        return switch (e) {
            case FileNotFoundException _ when e.getMessage() == null -> NO_SUCH_FILE; // Netty's
            case NoSuchFileException _ -> NO_SUCH_FILE;
            case FileAlreadyExistsException _ -> "File exists";
            case NotDirectoryException _ -> "Not a directory";
            case AccessDeniedException _ -> "Permission denied";
            case FileSystemException named when named.getReason() != null -> named.getReason();
            default -> String.valueOf(e.getMessage());
        };
    }
}
