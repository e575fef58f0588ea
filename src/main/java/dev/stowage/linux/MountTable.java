package dev.stowage.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What is mounted in this mount namespace at one moment (proc_pid_mountinfo(5)). Never kept: who
/// decides anything reads it again.
public record MountTable(List<MountPoint> mounts) {
    private static final Path MOUNTINFO = Path.of("/proc/self/mountinfo");

    public MountTable {
        mounts = List.copyOf(mounts);
    }

    public static MountTable read() throws IOException {
        return parse(Files.readAllBytes(MOUNTINFO));
    }

    /// @param mountinfo what the kernel's file holds
    public static MountTable parse(byte[] mountinfo) {
        var mounts = new ArrayList<MountPoint>();
        for (var line : Octal.ofBytes(mountinfo).split("\n")) {
            if (!line.isEmpty()) {
                mounts.add(MountPoint.parse(line));
            }
        }
        return new MountTable(mounts);
    }

    /// What is mounted exactly at `path`, which must be real; the last one is on top.
    public List<MountPoint> at(Path path) {
        var name = path.toString();
        var found = new ArrayList<MountPoint>();
        for (var mount : mounts) {
            if (mount.path().equals(name)) {
                found.add(mount);
            }
        }
        return List.copyOf(found);
    }

    /// The mount in which `path` lies, which must be real: the innermost, and of several there the
    /// one on top.
    public Optional<MountPoint> around(Path path) {
        var name = path.toString();
        return mounts.stream()
                .filter(mount -> isAtOrBelow(name, mount.path()))
                .reduce(
                        (best, mount) ->
                                mount.path().length() < best.path().length() ? best : mount);
    }

    /// Whether one of two folders lies in the other, or they are the same: through symlinks, bind
    /// mounts and what is mounted below them too.
    public boolean overlap(Path one, Path other) throws IOException {
        return FilePlace.overlap(one, other, this);
    }

    private static boolean isAtOrBelow(String path, String folder) {
        return path.equals(folder) || path.startsWith(folder.equals("/") ? "/" : folder + "/");
    }
}
