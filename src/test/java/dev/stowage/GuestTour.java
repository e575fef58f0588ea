package dev.stowage;

import dev.stowage.testing.Guest;
import dev.stowage.testing.ProgramRun;
import java.nio.file.Path;
import java.time.Duration;

/// Runs in a guest with cgroup v2: the tour. Tells what it printed; [GuestTourTest] judges.
final class GuestTour {
    private static final Duration LIMIT = Duration.ofMinutes(8);

    private GuestTour() {}

    public static void main(String[] arguments) throws Exception {
        try (var tour =
                ProgramRun.start(
                        Path.of("/run/tmp/output"),
                        "demo",
                        "--tour",
                        "--size=64Mi",
                        "--pool-dir=/mnt")) {
            Guest.tell("code", tour.await(LIMIT));
            var lines = tour.said().lines().toList();
            for (var i = 0; i < lines.size(); i++) {
                Guest.tell("line " + i, lines.get(i));
            }
        }
        var root = Path.of("/sys/fs/cgroup");
        Guest.tell("io", java.nio.file.Files.readString(root.resolve("cgroup.subtree_control")));
        System.exit(0);
    }
}
