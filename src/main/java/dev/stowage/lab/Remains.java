package dev.stowage.lab;

import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.MountTable;
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
/// @param loops what keeps a mount busy that has their files
public record Remains(Path folder, List<Path> mounts, List<Loop> loops, boolean files) {
    /// @param device the device file
    record Loop(Path device, Path file) {}

    /// @param folder a real path, without symbolic links
    static Remains of(Path folder) throws IOException {
        return new Remains(
                folder,
                mounts(folder),
                loops(folder),
                Files.exists(folder, LinkOption.NOFOLLOW_LINKS));
    }

    public boolean isEmpty() {
        return mounts.isEmpty() && loops.isEmpty() && !files;
    }

    public List<String> names() {
        var names = new ArrayList<String>();
        mounts.forEach(mount -> names.add("mount " + mount));
        loops.forEach(loop -> names.add("loop device " + loop.device()));
        if (files) {
            names.add("folder " + folder);
        }
        return names;
    }

    /// What a person types to be rid of all this.
    public List<String> remedy() {
        var commands = new ArrayList<String>();
        for (var path : inOrder()) {
            commands.add((mounts.contains(path) ? "umount " : "losetup -d ") + path);
        }
        if (files) {
            commands.add("rm -r " + folder);
        }
        return commands;
    }

    /// Does that. Files are only deleted once nothing is mounted among them.
    void clear() throws IOException {
        for (var path : inOrder()) {
            if (mounts.contains(path)) {
                Mounts.unmount(path);
            } else {
                detach(path);
            }
        }
        if (files && mounts(folder).isEmpty()) {
            Files.walkFileTree(folder, new Deletion());
        }
    }

    private static void detach(Path loop) throws IOException {
        var bound = LoopDevices.at(loop);
        if (bound.isPresent()) {
            LoopDevices.detach(bound.get());
        }
    }

    /// Mount points and device files; before each mount the loop devices on files in it.
    private List<Path> inOrder() {
        var order = new ArrayList<Path>();
        var left = new ArrayList<>(loops);
        for (var mount : mounts) {
            for (var loop : loops) {
                if (loop.file().startsWith(mount) && left.remove(loop)) {
                    order.add(loop.device());
                }
            }
            order.add(mount);
        }
        left.forEach(loop -> order.add(loop.device()));
        return order;
    }

    private static List<Path> mounts(Path folder) throws IOException {
        var mounts = new ArrayList<Path>();
        for (var mount : MountTable.read().mounts()) {
            if (mount.hasUtf8Path() && Path.of(mount.path()).startsWith(folder)) {
                mounts.add(Path.of(mount.path()));
            }
        }
        return mounts.reversed();
    }

    private static List<Loop> loops(Path folder) throws IOException {
        var loops = new ArrayList<Loop>();
        try (var devices = Files.newDirectoryStream(Path.of("/sys/block"), "loop*")) {
            for (var device : devices) {
                var file = backingFile(device);
                if (file.startsWith(folder + "/")) {
                    var path = Path.of("/dev").resolve(device.getFileName());
                    loops.add(new Loop(path, Path.of(file.strip())));
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
