package dev.stowage.cli;

import dev.stowage.linux.IoReason;
import dev.stowage.linux.MountTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/// The folder into which libraries with native code unpack it, and from which Java loads it.
public final class TemporaryFolder {
    private static final String PROPERTY = "java.io.tmpdir";

    /// More than each of them.
    private static final int LIBRARY_BYTES = 1 << 20;

    private TemporaryFolder() {}

    /// jnr unpacks into this folder alone: else it would try the working directory next.
    public static void useAlone() {
        System.setProperty("jffi.extract.dir", System.getProperty(PROPERTY));
    }

    /// Why no library can be loaded from it, in a sentence; empty if it is not the reason.
    public static Optional<String> complaint() {
        var folder = Path.of(System.getProperty(PROPERTY));
        return obstacle(folder)
                .map(
                        why ->
                                "the temporary folder %s %s, so that Java can't load the native code which Stowage unpacks there: mount a writable one without noexec (in a pod an emptyDir at /tmp), or name another by STOWAGE_JAVA_OPTIONS=-Djava.io.tmpdir=FOLDER"
                                        .formatted(folder, why));
    }

    private static Optional<String> obstacle(Path folder) {
        if (!Files.isDirectory(folder)) {
            return Optional.of("is not there");
        }
        try {
            tryWriting(folder);
        } catch (IOException e) {
            return Optional.of("can't be written (%s)".formatted(IoReason.of(e)));
        }
        try {
            return MountTable.read()
                    .around(folder.toRealPath())
                    .filter(mount -> mount.attributes().contains("noexec"))
                    .map(_ -> "is mounted noexec");
        } catch (IOException e) {
            return Optional.of("can't be looked at (%s)".formatted(IoReason.of(e)));
        }
    }

    private static void tryWriting(Path folder) throws IOException {
        var file = Files.createTempFile(folder, "stowage", ".so");
        try {
            Files.write(file, new byte[LIBRARY_BYTES]);
        } finally {
            Files.deleteIfExists(file);
        }
    }
}
