package dev.stowage;

import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.Mounts;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What the kernel still has of a folder: mounts below it, loop devices on its files, the folder.
///
/// @param mounts mount points, the innermost and latest first
/// @param loops device files
record Remains(Path folder, List<Path> mounts, List<Path> loops, boolean files) {
    /// @param folder a real path, without symbolic links
    static Remains of(Path folder) throws IOException {
        return new Remains(
                folder,
                mounts(folder),
                loops(folder),
                Files.exists(folder, LinkOption.NOFOLLOW_LINKS));
    }

    boolean isEmpty() {
        return mounts.isEmpty() && loops.isEmpty() && !files;
    }

    List<String> names() {
        var names = new ArrayList<String>();
        mounts.forEach(mount -> names.add("mount " + mount));
        loops.forEach(loop -> names.add("loop device " + loop));
        if (files) {
            names.add("folder " + folder);
        }
        return names;
    }

    /// What a person types to be rid of all this.
    List<String> remedy() {
        var commands = new ArrayList<String>();
        mounts.forEach(mount -> commands.add("umount " + mount));
        loops.forEach(loop -> commands.add("losetup -d " + loop));
        if (files) {
            commands.add("rm -r " + folder);
        }
        return commands;
    }

    /// Does that. Files are only deleted once nothing is mounted among them.
    void clear() throws IOException {
        for (var mount : mounts) {
            Mounts.unmount(mount);
        }
        for (var loop : loops) {
            var bound = LoopDevices.at(loop);
            if (bound.isPresent()) {
                LoopDevices.detach(bound.get());
            }
        }
        if (files && mounts(folder).isEmpty()) {
            Files.walkFileTree(folder, new Deletion());
        }
    }

    private static List<Path> mounts(Path folder) throws IOException {
        var mounts = new ArrayList<Path>();
        for (var line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
            var mountPoint = Path.of(line.split(" ")[4]); // proc(5): the fifth field
            if (mountPoint.startsWith(folder)) {
                mounts.add(mountPoint);
            }
        }
        return mounts.reversed();
    }

    private static List<Path> loops(Path folder) throws IOException {
        var loops = new ArrayList<Path>();
        try (var devices = Files.newDirectoryStream(Path.of("/sys/block"), "loop*")) {
            for (var device : devices) {
                if (backingFile(device).startsWith(folder + "/")) {
                    loops.add(Path.of("/dev").resolve(device.getFileName()));
                }
            }
        }
        return loops;
    }

    private static String backingFile(Path device) {
        try {
            return Files.readString(device.resolve("loop/backing_file"));
        } catch (IOException e) {
            return ""; // not bound, or no longer
        }
    }

    private static final class Deletion extends SimpleFileVisitor<Path> {
        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
        }

        /// What a driver that is ending removes at the same time is gone as well.
        @Override
        public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
            if (e instanceof java.nio.file.NoSuchFileException) {
                return FileVisitResult.CONTINUE;
            }
            throw e;
        }

        @Override
        public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException e)
                throws IOException {
            if (e != null) {
                throw e;
            }
            Files.deleteIfExists(folder);
            return FileVisitResult.CONTINUE;
        }
    }
}
