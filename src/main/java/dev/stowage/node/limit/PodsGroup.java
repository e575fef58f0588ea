package dev.stowage.node.limit;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.stowage.linux.Fd;
import dev.stowage.linux.MountTable;
import dev.stowage.linux.OpenFlags;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The cgroup that has all pods of this node below it. What is set there holds for the sum of what
/// they do, so for a volume whoever uses it: direct I/O counts for the group of the process, and
/// buffered writes for the group whose memory they were.
public final class PodsGroup {
    private static final String CGROUP2 = "cgroup2";
    private static final String IO = "io";

    /// `kubepods.slice` (the kubelet's cgroup driver systemd) or `kubepods` (cgroupfs), perhaps
    /// below --cgroup-root, whose name systemd puts before it.
    private static final Pattern NAME = Pattern.compile("(.+-)?kubepods(\\.slice)?");

    private static final int MAX_DEPTH = 3;

    private final Optional<Path> configured;
    private volatile @Nullable Path found;
    private volatile @Nullable Failure failure;

    /// @param configured the group's folder; empty: it is looked for
    public PodsGroup(Optional<Path> configured) {
        this.configured = configured;
    }

    /// What was found out a moment ago is not searched for again.
    private record Failure(String why, long sinceNanos) {
        private static final Duration LASTS = Duration.ofSeconds(5);

        boolean recent() {
            return System.nanoTime() - sinceNanos < LASTS.toNanos();
        }
    }

    /// The group can't be used, and why, in words for an administrator.
    static final class Unusable extends IOException {
        private static final long serialVersionUID = 1L;

        Unusable(String why) {
            super(why);
        }
    }

    /// The group's io.max; the io controller is switched on for it if it is not.
    ///
    /// @throws Unusable if there is no such group, or this kernel can't limit it
    IoMax ioMax() throws IOException {
        var past = failure;
        if (past != null && past.recent()) {
            throw new Unusable(past.why());
        }
        try {
            return enabled(group());
        } catch (Unusable e) {
            failure = new Failure(String.valueOf(e.getMessage()), System.nanoTime());
            throw e;
        }
    }

    private Path group() throws IOException {
        var known = found;
        if (known == null || !Files.isDirectory(known)) {
            known = find(MountTable.read());
            found = known;
        }
        return known;
    }

    private static IoMax enabled(Path known) throws IOException {
        var ioMax = new IoMax(known.resolve("io.max"));
        if (!Files.exists(ioMax.file())) {
            enable(known);
        }
        if (!Files.exists(ioMax.file())) {
            throw new Unusable(
                    "there is no %s: this kernel has no block I/O throttling (CONFIG_BLK_DEV_THROTTLING), or %s is no group below the root"
                            .formatted(ioMax.file(), known));
        }
        return ioMax;
    }

    private Path find(MountTable mounts) throws IOException {
        var roots =
                mounts.mounts().stream()
                        .filter(mount -> mount.type().equals(CGROUP2) && mount.hasUtf8Path())
                        .map(mount -> Path.of(mount.path()))
                        .toList();
        if (roots.isEmpty()) {
            throw new Unusable(
                    "no cgroup2 is mounted here: the node needs cgroup v2, and the container the host's /sys/fs/cgroup");
        }
        if (configured.isPresent()) {
            return requireGroup(configured.get(), roots);
        }
        for (var root : roots) {
            var group = below(root);
            if (group.isPresent()) {
                return group.get();
            }
        }
        throw new Unusable(
                "there is no kubepods.slice or kubepods below %s: name the cgroup that has all pods below it with the key 'cgroup' of the configuration"
                        .formatted(roots.getFirst()));
    }

    private static Path requireGroup(Path group, List<Path> roots) throws Unusable {
        if (!Files.isDirectory(group) || roots.stream().noneMatch(group::startsWith)) {
            throw new Unusable(
                    "%s, the key 'cgroup' of the configuration, is no folder of a cgroup2 (%s)"
                            .formatted(group, roots));
        }
        return group;
    }

    /// The group of all pods nearest to `root`.
    static Optional<Path> below(Path root) throws IOException {
        var level = List.of(root);
        for (var depth = 0; depth < MAX_DEPTH; depth++) {
            var next = new ArrayList<Path>();
            for (var folder : level) {
                next.addAll(folders(folder));
            }
            var named = next.stream().filter(PodsGroup::isNamedSo).sorted().findFirst();
            if (named.isPresent()) {
                return named;
            }
            level = next;
        }
        return Optional.empty();
    }

    private static boolean isNamedSo(Path folder) {
        return NAME.matcher(String.valueOf(folder.getFileName())).matches();
    }

    private static List<Path> folders(Path folder) throws IOException {
        var folders = new ArrayList<Path>();
        try (DirectoryStream<Path> entries =
                Files.newDirectoryStream(folder, path -> Files.isDirectory(path))) {
            entries.forEach(folders::add);
        } catch (java.nio.file.NoSuchFileException e) {
            return List.of(); // groups come and go
        }
        return folders;
    }

    /// A controller is in a group if all groups above it hand it down (cgroup.subtree_control).
    private static void enable(Path group) throws IOException {
        var above = new ArrayList<Path>();
        for (var parent = group.getParent();
                parent != null && Files.exists(parent.resolve("cgroup.subtree_control"));
                parent = parent.getParent()) {
            above.addFirst(parent);
        }
        for (var parent : above) {
            if (!words(parent.resolve("cgroup.controllers")).contains(IO)) {
                throw new Unusable(
                        "cgroup %s has no io controller: it is used by cgroup v1 on this node, or switched off; boot with cgroup v2 alone (systemd.unified_cgroup_hierarchy=1)"
                                .formatted(parent));
            }
            var control = parent.resolve("cgroup.subtree_control");
            if (!words(control).contains(IO)) {
                handDown(control);
            }
        }
    }

    private static void handDown(Path control) throws IOException {
        try (var fd = Fd.open(control, OpenFlags.O_WRONLY)) {
            var _ = fd.write(ByteBuffer.wrap(("+" + IO).getBytes(US_ASCII)), 0);
        } catch (IOException e) {
            throw new Unusable(
                    "the io controller is off and can't be switched on (%s): mount the host's /sys/fs/cgroup writable, or write +io into that file"
                            .formatted(e.getMessage()));
        }
    }

    private static List<String> words(Path file) throws IOException {
        return List.of(Files.readString(file, US_ASCII).strip().split(" "));
    }
}
