package dev.stowage.testing;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// What this JVM has of the machine at one moment, below a folder.
///
/// @param mounts mount points, innermost and latest first
/// @param loops device files
/// @param descriptors paths that descriptors of this process lead to
record Leftovers(
        List<Path> mounts, Set<Path> loops, List<String> descriptors, Set<Thread> threads) {
    /// Threads that the JDK, JUnit and libraries start once and keep for the next user.
    private static final List<String> KEPT_THREADS =
            List.of(
                    "process reaper",
                    "Common-Cleaner",
                    "Cleaner-",
                    "ForkJoinPool",
                    "CompletableFutureDelayScheduler",
                    "VirtualThread-",
                    "MasterPoller",
                    "Read-Poller",
                    "Keep-Alive-Timer",
                    "Write-Poller",
                    "Attach Listener",
                    "surefire",
                    "junit",
                    "jqwik",
                    "globalEventExecutor",
                    "grpc-default",
                    "grpc-shared");

    static Leftovers below(Path folder) throws IOException {
        return new Leftovers(mounts(folder), loops(folder), descriptors(folder), runningThreads());
    }

    /// What is here and was not there before.
    Leftovers since(Leftovers before) {
        var newMounts = new ArrayList<>(mounts);
        before.mounts.forEach(newMounts::remove); // once each: a second mount on a target is new
        var newLoops = new LinkedHashSet<>(loops);
        newLoops.removeAll(before.loops);
        var newDescriptors = new ArrayList<>(descriptors);
        before.descriptors.forEach(newDescriptors::remove);
        var newThreads = new LinkedHashSet<>(threads);
        newThreads.removeAll(before.threads);
        return new Leftovers(newMounts, newLoops, newDescriptors, newThreads);
    }

    boolean isEmpty() {
        return mounts.isEmpty() && loops.isEmpty() && descriptors.isEmpty() && threads.isEmpty();
    }

    List<String> names() {
        var names = new ArrayList<String>();
        mounts.forEach(mount -> names.add("mount " + mount));
        loops.forEach(loop -> names.add("loop device " + loop));
        descriptors.forEach(path -> names.add("open descriptor of " + path));
        threads.forEach(thread -> names.add("thread " + thread.getName()));
        return names;
    }

    private static List<Path> mounts(Path folder) throws IOException {
        var mounts = new ArrayList<Path>();
        for (var line : Files.readAllLines(Path.of("/proc/self/mountinfo"), ISO_8859_1)) {
            // proc(5): the fifth field is the mount point, with blanks and such as octal escapes
            var mountPoint = Path.of(line.split(" ")[4].replace("\\040", " "));
            if (mountPoint.startsWith(folder)) {
                mounts.add(mountPoint);
            }
        }
        return mounts.reversed();
    }

    private static Set<Path> loops(Path folder) throws IOException {
        var loops = new LinkedHashSet<Path>();
        try (var devices = Files.newDirectoryStream(Path.of("/sys/block"), "loop*")) {
            for (var device : devices) {
                var backing = device.resolve("loop/backing_file");
                if (readOrEmpty(backing).startsWith(folder + "/")) {
                    loops.add(Path.of("/dev").resolve(device.getFileName()));
                }
            }
        }
        return loops;
    }

    private static String readOrEmpty(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return ""; // not bound, or no longer
        }
    }

    private static List<String> descriptors(Path folder) throws IOException {
        var paths = new ArrayList<String>();
        try (var descriptors = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (var descriptor : descriptors) {
                try {
                    var target = Files.readSymbolicLink(descriptor).toString();
                    if (target.startsWith(folder.toString())) {
                        paths.add(target);
                    }
                } catch (IOException e) {
                    continue; // the descriptor of this very listing
                }
            }
        }
        paths.sort(Comparator.naturalOrder());
        return paths;
    }

    private static Set<Thread> runningThreads() {
        var threads = new LinkedHashSet<Thread>();
        for (var thread : Thread.getAllStackTraces().keySet()) {
            if (KEPT_THREADS.stream().noneMatch(thread.getName()::startsWith)) {
                threads.add(thread);
            }
        }
        return threads;
    }
}
