package dev.stowage.demo;

import dev.stowage.linux.MountTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// A cgroup in the place that `kubepods` has on a node of Kubernetes, for the one process of the
/// tour that stands for a pod.
///
/// @param root where cgroup2 is mounted
/// @param hadIo whether groups beside it could be limited before the driver saw to that
record TourCgroup(Path root, Path folder, boolean hadIo) implements AutoCloseable {
    private static final String CONTROL = "cgroup.subtree_control";
    private static final String IO = "io";

    /// Empty where there is no cgroup v2, or it can't be changed.
    ///
    /// @param namesake the folder whose name it gets
    static Optional<TourCgroup> make(Path namesake) throws IOException {
        var root = mounted();
        if (root.isEmpty()) {
            return Optional.empty();
        }
        var hadIo = hasIo(root.get());
        var folder = root.get().resolve(namesake.getFileName());
        try {
            return Optional.of(new TourCgroup(root.get(), Files.createDirectory(folder), hadIo));
        } catch (java.nio.file.FileSystemException e) {
            return Optional.empty();
        }
    }

    /// Where cgroup2 is mounted: alone, or beside version 1.
    private static Optional<Path> mounted() throws IOException {
        return MountTable.read().mounts().stream()
                .filter(mount -> mount.type().equals("cgroup2") && mount.hasUtf8Path())
                .map(mount -> Path.of(mount.path()))
                .findFirst();
    }

    private static boolean hasIo(Path root) throws IOException {
        return List.of(Files.readString(root.resolve(CONTROL)).strip().split(" ")).contains(IO);
    }

    void add(Process process) throws IOException {
        Files.writeString(folder.resolve("cgroup.procs"), Long.toString(process.pid()));
    }

    String ioMax() throws IOException {
        return Files.readString(folder.resolve("io.max"));
    }

    /// The folder above is as it was before.
    @Override
    public void close() throws IOException {
        Files.delete(folder);
        if (!hadIo && hasIo(root)) {
            Files.writeString(root.resolve(CONTROL), "-" + IO);
        }
    }
}
