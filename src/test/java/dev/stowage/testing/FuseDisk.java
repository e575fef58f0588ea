package dev.stowage.testing;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.stowage.linux.Command;
import dev.stowage.linux.MountTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/// A folder behind a program (FUSE) that can die, or hang and go on.
public final class FuseDisk implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private final Path mountPoint;
    private final Process program;

    private FuseDisk(Path mountPoint, Process program) {
        this.mountPoint = mountPoint;
        this.program = program;
    }

    /// @param below where the program keeps what is written
    /// @param mountPoint a folder that is there
    public static FuseDisk mount(Path below, Path mountPoint) throws Exception {
        assumeTrue(
                Files.isExecutable(Path.of("/usr/bin/fuse-overlayfs"))
                        && Files.exists(Path.of("/dev/fuse")),
                "needs fuse-overlayfs, and the kernel's fuse (modprobe fuse)");
        for (var name : List.of("lower", "upper", "work")) {
            Files.createDirectories(below.resolve(name));
        }
        var folders = "lowerdir=%1$s/lower,upperdir=%1$s/upper,workdir=%1$s/work".formatted(below);
        var program =
                new ProcessBuilder("fuse-overlayfs", "-f", "-o", folders, mountPoint.toString())
                        .inheritIO()
                        .start();
        Polling.await("FUSE is mounted", LIMIT, () -> !MountTable.read().at(mountPoint).isEmpty());
        return new FuseDisk(mountPoint, program);
    }

    /// From now on whoever asks it waits.
    public void hang() throws IOException {
        signal("STOP");
    }

    public void goOn() throws IOException {
        signal("CONT");
    }

    private void signal(String name) throws IOException {
        Command.run(List.of("kill", "-" + name, Long.toString(program.pid())), LIMIT);
    }

    /// From now on whoever asks it gets ENOTCONN, until it is unmounted.
    public void die() throws InterruptedException {
        var _ = program.destroyForcibly().waitFor();
    }

    /// Unmounts it, whoever uses it, and ends its program.
    @Override
    public void close() throws IOException {
        try {
            if (program.isAlive()) {
                goOn();
            }
            Command.run(List.of("umount", "-l", mountPoint.toString()), LIMIT);
            die();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
