package dev.stowage.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.extension.AnnotatedElementContext;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.io.TempDirFactory;

/// Temporary folders of tests, all below one folder of this JVM, by which [NothingLeftBehind] knows
/// what is ours: `@TempDir(factory = TestFolder.class) Path folder`.
public final class TestFolder implements TempDirFactory {
    private static final Path ROOT = makeRoot();

    private static Path makeRoot() {
        try {
            var root = Files.createTempDirectory("stowage-").toRealPath();
            root.toFile().deleteOnExit(); // only if it is empty then
            return root;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// The folder that all temporary folders of this JVM are in.
    public static Path root() {
        return ROOT;
    }

    @Override
    public Path createTempDirectory(AnnotatedElementContext element, ExtensionContext context)
            throws IOException {
        return Files.createTempDirectory(ROOT, "test-");
    }
}
