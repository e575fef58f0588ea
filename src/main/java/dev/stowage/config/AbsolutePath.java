package dev.stowage.config;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;

/// A path from a person, which must mean the same wherever the driver is started and whatever links
/// are on the way.
public final class AbsolutePath {
    private AbsolutePath() {}

    /// Without `.` and double slashes, which mean nothing.
    ///
    /// @param what where it is written
    /// @throws ConfigException with what to write
    public static Path parse(String what, String text) {
        if (!text.startsWith("/")) {
            throw wrong(what, text, "use an absolute path");
        }
        if (text.chars().anyMatch(Character::isISOControl)) {
            throw wrong(what, text, "use an absolute path without control characters");
        }
        if (Arrays.asList(text.split("/")).contains("..")) {
            throw wrong(
                    what,
                    text,
                    "use an absolute path without '..', which leads elsewhere behind a link");
        }
        var path = path(what, text).normalize();
        if (path.getNameCount() == 0) {
            throw wrong(what, text, "use an absolute path below the root");
        }
        return path;
    }

    private static Path path(String what, String text) {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw wrong(what, text, "the locale has not all of its characters: set LC_ALL=C.UTF-8");
        }
    }

    private static ConfigException wrong(String what, String text, String remedy) {
        return new ConfigException("%s is '%s': %s".formatted(what, text, remedy));
    }
}
