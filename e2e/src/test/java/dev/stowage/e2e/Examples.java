package dev.stowage.e2e;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// What examples/ shows to users, as it is but for what a test says.
final class Examples {
    private Examples() {}

    static String read(String file) throws IOException {
        return Files.readString(Path.of("examples", file));
    }

    /// With a class or size of the tests' pools in place of the user's.
    ///
    /// @param replaced must be there
    static String read(String file, String replaced, String by) throws IOException {
        var text = read(file);
        if (!text.contains(replaced)) {
            throw new AssertionError("there is no '%s' in examples/%s".formatted(replaced, file));
        }
        return text.replace(replaced, by);
    }
}
