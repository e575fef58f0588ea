package dev.stowage.node;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/// What is mounted in this mount namespace at one moment. Never kept: who decides anything reads
/// it again.
record MountTable(List<MountPoint> mounts) {
    private static final Path MOUNTINFO = Path.of("/proc/self/mountinfo");

    MountTable {
        mounts = List.copyOf(mounts);
    }

    static MountTable read() throws IOException {
        return parse(Files.readAllBytes(MOUNTINFO));
    }

    static MountTable parse(byte[] mountinfo) {
        return new MountTable(
                Octal.ofBytes(mountinfo)
                        .lines()
                        .filter(line -> !line.isEmpty())
                        .map(MountPoint::parse)
                        .toList());
    }

    /// What is mounted exactly at `path`, which must be real; the last one is on top.
    List<MountPoint> at(Path path) {
        var name = path.toString();
        return mounts.stream().filter(mount -> mount.path().equals(name)).toList();
    }

    /// The mount in which `path` lies.
    Optional<MountPoint> around(Path path) {
        return mounts.stream()
                .filter(mount -> path.startsWith(mount.path()))
                .max(Comparator.comparingInt(mount -> mount.path().length()));
    }
}
