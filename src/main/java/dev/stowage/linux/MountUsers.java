package dev.stowage.linux;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/// Finds the processes that are in the way of an unmount, as far as /proc shows them (a container
/// without hostPID sees only its own). Asks no file system: one that hangs would take whoever
/// looks with it.
public final class MountUsers {
    private static final String MOUNT_ID = "mnt_id:";
    private static final int MAPS_FIELDS = 6;
    private static final int SOCKET_FIELDS = 8;

    private final MountPoint mount;
    private final long end;

    /// The mount, as each mount namespace numbers it.
    private final Map<String, Set<Long>> ids = new HashMap<>();

    private final Map<String, Map<String, String>> sockets = new HashMap<>();

    private MountUsers(MountPoint mount, Duration limit) {
        this.mount = mount;
        this.end = System.nanoTime() + limit.toNanos();
    }

    /// A process and what it does there: `has /mnt/file open`, `works in /mnt`.
    public record User(long pid, String command, String how) {
        @Override
        public String toString() {
            return "process %d (%s) %s".formatted(pid, command, how);
        }
    }

    /// Processes that use exactly this mount; if there are none, those of other mount namespaces
    /// that use the same part of its file system through a mount of theirs, which can be a copy.
    ///
    /// @param limit the search ends then, with what it has found
    /// @param most how many are enough
    public static List<User> of(MountPoint mount, Duration limit, int most) {
        var search = new MountUsers(mount, limit);
        var users = search.users(true, most);
        return users.isEmpty() ? search.users(false, most) : users;
    }

    /// Of each other mount namespace that has something of this device mounted one process.
    ///
    /// @param device `major:minor`
    public static List<User> elsewhere(String device, Duration limit, int most) {
        var end = System.nanoTime() + limit.toNanos();
        var users = new ArrayList<User>();
        var seen = new HashSet<String>();
        for (var process : children(new File("/proc"))) {
            if (users.size() == most || System.nanoTime() - end >= 0) {
                return users;
            }
            if (Character.isDigit(process.getName().charAt(0))) {
                copy(process, device, seen).ifPresent(users::add);
            }
        }
        return users;
    }

    private static Optional<User> copy(File process, String device, Set<String> seen) {
        try {
            var namespace = link(process, "ns/mnt");
            if (namespace.equals(link(new File("/proc/self"), "ns/mnt")) || !seen.add(namespace)) {
                return Optional.empty();
            }
            var mountinfo = Files.readAllBytes(new File(process, "mountinfo").toPath());
            return MountTable.parse(mountinfo).mounts().stream()
                    .filter(mount -> mount.device().equals(device))
                    .findFirst()
                    .map(
                            mount ->
                                    user(
                                            process,
                                            "has it mounted at %s in its mount namespace"
                                                    .formatted(mount.path())));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private List<User> users(boolean here, int most) {
        var users = new ArrayList<User>();
        for (var process : children(new File("/proc"))) {
            if (users.size() == most || System.nanoTime() - end >= 0) {
                return users;
            }
            if (Character.isDigit(process.getName().charAt(0))) {
                user(process, here).ifPresent(users::add);
            }
        }
        return users;
    }

    /// A process that ends while it is looked at has let go.
    private Optional<User> user(File process, boolean here) {
        try {
            var namespace = link(process, "ns/mnt");
            var own = namespace.equals(link(new File("/proc/self"), "ns/mnt"));
            if (own != here) {
                return Optional.empty();
            }
            var known = own ? Set.of(mount.id()) : idsIn(namespace, process);
            return known.isEmpty()
                    ? Optional.empty()
                    : use(process, known).map(how -> user(process, how));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static User user(File process, String how) {
        var pid = Long.parseLong(process.getName());
        return new User(pid, Processes.command(pid), how);
    }

    private Set<Long> idsIn(String namespace, File process) throws IOException {
        var known = ids.get(namespace);
        if (known == null) {
            var mountinfo = Files.readAllBytes(new File(process, "mountinfo").toPath());
            known =
                    MountTable.parse(mountinfo).mounts().stream()
                            .filter(other -> other.device().equals(mount.device()))
                            .filter(other -> other.root().equals(mount.root()))
                            .map(MountPoint::id)
                            .collect(Collectors.toSet());
            ids.put(namespace, known);
        }
        return known;
    }

    private Optional<String> use(File process, Set<Long> known) throws IOException {
        for (var descriptor : children(new File(process, "fdinfo"))) {
            if (known.contains(mountId(descriptor.toPath()))) {
                var file = link(process, "fd/" + descriptor.getName());
                return Optional.of("has %s open".formatted(file));
            }
        }
        if (leadsThere(process, "cwd", known)) {
            return Optional.of("works in %s".formatted(link(process, "cwd")));
        }
        if (leadsThere(process, "root", known)) {
            return Optional.of("has its root in %s".formatted(link(process, "root")));
        }
        if (leadsThere(process, "exe", known)) {
            return Optional.of("runs %s".formatted(link(process, "exe")));
        }
        var mapped = mapped(process);
        return mapped.isPresent()
                ? mapped.map("has %s mapped"::formatted)
                : socket(process).map("listens on %s"::formatted);
    }

    /// In which mount a link of /proc ends: opened, which asks nobody, and closed again.
    private static boolean leadsThere(File process, String name, Set<Long> known) {
        var path = new File(process, name).toPath();
        try (var fd = Fd.open(path, OpenFlags.O_PATH)) {
            return known.contains(mountId(Path.of("/proc/self/fdinfo/" + fd.number())));
        } catch (IOException e) {
            return false; // a kernel thread has none of them
        }
    }

    /// A file that was closed after it was mapped. Its mount is not told, but its path is.
    private Optional<String> mapped(File process) throws IOException {
        var below = mount.path() + "/";
        for (var line : lines(new File(process, "maps").toPath())) {
            var fields = line.split(" +", MAPS_FIELDS);
            if (fields.length == MAPS_FIELDS) {
                var path = Octal.unescape(fields[MAPS_FIELDS - 1]);
                if (path.startsWith(below)) {
                    return Optional.of(path);
                }
            }
        }
        return Optional.empty();
    }

    /// A socket in the file system holds it through the path that it was bound to.
    private Optional<String> socket(File process) throws IOException {
        var bound = sockets(process);
        if (bound.isEmpty()) {
            return Optional.empty();
        }
        for (var descriptor : children(new File(process, "fd"))) {
            var path = bound.get(link(process, "fd/" + descriptor.getName()));
            if (path != null) {
                return Optional.of(path);
            }
        }
        return Optional.empty();
    }

    /// The sockets of the process's network namespace that were bound below the mount
    /// (proc_net(5), `unix`), by what /proc calls their descriptors.
    private Map<String, String> sockets(File process) throws IOException {
        var namespace = link(process, "ns/net");
        var known = sockets.get(namespace);
        if (known == null) {
            known = new HashMap<>();
            for (var line : lines(new File(process, "net/unix").toPath())) {
                var fields = line.split(" +", SOCKET_FIELDS);
                if (fields.length == SOCKET_FIELDS) {
                    var path = Octal.unescape(fields[SOCKET_FIELDS - 1]);
                    if (path.startsWith(mount.path() + "/")) {
                        known.put("socket:[%s]".formatted(fields[SOCKET_FIELDS - 2]), path);
                    }
                }
            }
            sockets.put(namespace, known);
        }
        return known;
    }

    private static long mountId(Path fdinfo) {
        try {
            for (var line : lines(fdinfo)) {
                if (line.startsWith(MOUNT_ID)) {
                    return Long.parseLong(line.substring(MOUNT_ID.length()).strip());
                }
            }
        } catch (IOException e) {
            return -1; // closed meanwhile
        }
        return -1;
    }

    private static List<String> lines(Path file) throws IOException {
        return List.of(Octal.ofBytes(Files.readAllBytes(file)).split("\n"));
    }

    private static String link(File process, String name) throws IOException {
        return Files.readSymbolicLink(new File(process, name).toPath()).toString();
    }

    private static List<File> children(File folder) {
        var files = folder.listFiles();
        return files == null ? List.of() : List.of(files);
    }
}
