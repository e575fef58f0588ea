package dev.stowage.linux;

import java.io.IOException;
import java.nio.file.Path;

/// Where a file or folder is, whatever the names by which it is reached: a file system, and a path
/// in it.
///
/// @param device of the file system, as mountinfo has it
record FilePlace(String device, String path) {
    /// Whether one of two folders lies in the other, or they are the same: by symlinks, bind mounts
    /// and what is mounted below them too.
    static boolean overlap(Path one, Path other, MountTable table) throws IOException {
        var first = one.toRealPath();
        var second = other.toRealPath();
        return shows(first, second, table) || shows(second, first, table);
    }

    /// Whether `inner` is seen somewhere below `outer`.
    private static boolean shows(Path outer, Path inner, MountTable table) {
        var place = of(inner, table);
        return of(outer, table).contains(place)
                || table.mounts().stream()
                        .filter(mount -> isBelow(mount.path(), outer.toString()))
                        .map(mount -> new FilePlace(mount.device(), mount.root()))
                        .anyMatch(root -> root.contains(place));
    }

    private static FilePlace of(Path real, MountTable table) {
        var mount = table.around(real).orElseThrow();
        var below = real.toString().substring(withSlash(mount.path()).length() - 1);
        var root = withSlash(mount.root());
        return new FilePlace(mount.device(), root.substring(0, root.length() - 1) + below);
    }

    private boolean contains(FilePlace other) {
        return device.equals(other.device) && isBelow(other.path, path);
    }

    /// Or is the same. As text: a path of mountinfo need not be one that Java has.
    private static boolean isBelow(String path, String above) {
        return withSlash(path).startsWith(withSlash(above));
    }

    private static String withSlash(String path) {
        return path.endsWith("/") ? path : path + "/";
    }
}
