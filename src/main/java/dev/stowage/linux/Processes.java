package dev.stowage.linux;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Other processes of this machine, as far as /proc shows them (a container without hostPID sees
/// only its own).
public final class Processes {
    private Processes() {}

    /// The processes that have this device open, our own among them if it does. Looked at are
    /// descriptors whose path is in a /dev or ends in the device's name: to ask for the device
    /// number of any other file might hang on a dead network file system.
    public static List<Long> holding(Path device) throws ErrnoException {
        var rdev = Linux.stat(device).rdev();
        var suffix = "/" + device.getFileName();
        var pids = new ArrayList<Long>();
        for (var process : children(new File("/proc"))) {
            if (Character.isDigit(process.getName().charAt(0)) && holds(process, rdev, suffix)) {
                pids.add(Long.valueOf(process.getName()));
            }
        }
        return pids;
    }

    /// Its name for people, as `ps` has it (proc_pid_comm(5)).
    public static String command(long pid) {
        try {
            var comm = Files.readAllBytes(Path.of("/proc/" + pid + "/comm"));
            return new String(comm, StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            return "ended";
        }
    }

    private static boolean holds(File process, long rdev, String suffix) {
        for (var descriptor : children(new File(process, "fd"))) {
            var path = descriptor.toPath();
            try {
                var link = Files.readSymbolicLink(path).toString();
                if (link.startsWith("/dev/") || link.endsWith(suffix)) {
                    var stat = Linux.stat(path);
                    if (stat.isBlockDevice() && stat.rdev() == rdev) {
                        return true;
                    }
                }
            } catch (IOException e) {
                // closed, or the process ended, while we were looking: it does not hold the device
                // any more
                continue;
            }
        }
        return false;
    }

    private static List<File> children(File folder) {
        var files = folder.listFiles();
        return files == null ? List.of() : List.of(files);
    }
}
