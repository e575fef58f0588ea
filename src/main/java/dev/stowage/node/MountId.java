package dev.stowage.node;

import dev.stowage.linux.Fd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// In which mount an open file lies, by the id that mountinfo has (proc_pid_fdinfo(5)).
final class MountId {
    private static final String FIELD = "mnt_id:";

    private MountId() {}

    static long of(Fd fd) throws IOException {
        var fdinfo = Path.of("/proc/self/fdinfo/" + fd.number());
        for (var line : Files.readAllLines(fdinfo)) {
            if (line.startsWith(FIELD)) {
                return Long.parseLong(line.substring(FIELD.length()).strip());
            }
        }
        throw new IOException(fdinfo + " has no " + FIELD);
    }
}
