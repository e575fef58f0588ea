package dev.stowage.linux;

import java.io.IOException;
import java.nio.file.Path;

/// What was to be done would wait until a file system is thawed, so it was not begun or given up.
public final class FrozenException extends IOException {
    private static final long serialVersionUID = 1L;

    public FrozenException(Path mountPoint) {
        super(
                "the file system at %s is frozen, and whatever writes to it waits: thaw it (fsfreeze -u %s)"
                        .formatted(mountPoint, mountPoint));
    }
}
