package dev.stowage.node.device;

import static dev.stowage.node.filesystem.FormatTest.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.linux.Command;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.MountTable;
import dev.stowage.linux.MountUsers;
import dev.stowage.linux.Mounts;
import dev.stowage.node.TestVolume;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Reason;
import java.io.File;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Failure cases 19 and 75: what is in the way is named, with the volume, the place and what to do.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class BusyTest {
    private static final Duration LIMIT = Duration.ofSeconds(20);

    @TempDir(factory = TestFolder.class)
    private Path folder;

    private TestVolume test;
    private Path target;

    @BeforeEach
    void publish() throws IOException {
        test = TestVolume.of(folder, FileSystemType.EXT4);
        target = test.target("target");
        test.stage();
        test.publish("target", false);
    }

    @AfterEach
    void unstage() throws IOException {
        test.unpublish("target");
        test.unstage();
        test.close();
    }

    @Test
    @DisplayName("75: a process that works in the volume")
    void aWorkingFolder() throws Exception {
        var inside = Files.createDirectory(target.resolve("inside"));
        try (var sleep = Sleep.start(inside.toFile(), "sleep", "1000")) {
            refusedWith(sleep + " works in " + inside + ": end it");
        }
    }

    @Test
    @DisplayName("75: more than can be named")
    void moreThanAreNamed() throws Exception {
        var sleeps = new ArrayList<Sleep>();
        try {
            for (var i = 0; i < 4; i++) {
                sleeps.add(Sleep.start(target.toFile(), "sleep", "1000"));
            }
            assertThatThrownBy(() -> test.unpublish("target"))
                    .hasMessageContainingAll(
                            sleeps.stream().map(Sleep::toString).toArray(String[]::new))
                    .hasMessageNotContaining("and more");
            sleeps.add(Sleep.start(target.toFile(), "sleep", "1000"));
            refusedWith("end it; and more: look on the node itself (fuser -vm " + target + ")");
        } finally {
            for (var sleep : sleeps) {
                sleep.close();
            }
        }
    }

    /// A pod may call its files as it likes; the message goes to events and terminals.
    @Test
    @DisplayName("75: a name with control characters")
    void aNameThatSteersATerminal() throws Exception {
        var file = Files.createFile(target.resolve("a\n\u001b[31mx"));
        try (var sleep = Sleep.holding(Path.of("'" + file + "'"))) {
            refusedWith(sleep + " has " + target + "/a\\u000a\\u001b[31mx open: end it");
        }
    }

    @Test
    @DisplayName("75: a process that has a file open, not one that has it through another mount")
    void anOpenFile() throws Exception {
        var file = Files.createFile(target.resolve("file"));
        var elsewhere = test.stagingPath().resolve("file");
        try (var sleep = Sleep.holding(file);
                var other = Sleep.holding(elsewhere)) {
            refusedWith(sleep + " has " + file + " open: end it");
            assertThatThrownBy(() -> test.unpublish("target"))
                    .message()
                    .doesNotContain(other.toString());
        }
    }

    @Test
    @DisplayName("75: a process whose program lies in the volume")
    void aRunningProgram() throws Exception {
        var program = target.resolve("program");
        Files.copy(Path.of("/bin/sleep").toRealPath(), program, StandardCopyOption.COPY_ATTRIBUTES);
        try (var sleep = Sleep.start(folder.toFile(), program.toString(), "1000")) {
            refusedWith(sleep + " runs " + program + ": end it");
        }
    }

    @Test
    @DisplayName("75: a socket")
    void aSocket() throws Exception {
        var socket = target.resolve("socket");
        try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(socket));
            refusedWith("process " + ProcessHandle.current().pid(), "listens on " + socket);
        }
    }

    @Test
    @DisplayName("75: a mount in the volume")
    void aMountInside() throws Exception {
        var inside = Files.createDirectory(target.resolve("in side"));
        Mounts.mount("tmpfs", "none", inside, Set.of(), List.of());
        refusedWith(inside + " is mounted in it: unmount that first");
        Mounts.unmount(inside);
    }

    @Test
    @DisplayName("75: a mount in the volume whose name is no UTF-8")
    void aMountInsideWithAnyName() throws Exception {
        inShell("d=\"$0/$(printf 'a\\377')\"; mkdir \"$d\"; mount -t tmpfs none \"$d\"");
        refusedWith(target + "/a\\377 is mounted in it: unmount that first");
        inShell("umount \"$0/$(printf 'a\\377')\"");
    }

    private void inShell(String script) throws IOException {
        var _ = Command.run(List.of("sh", "-c", script, target.toString()), Duration.ofSeconds(20));
    }

    @Test
    @DisplayName("75: a loop device on a file in the volume")
    void aLoopDevice() throws Exception {
        var file = Files.write(target.resolve("disk.img"), new byte[1 << 20]);
        var loop = LoopDevices.attach(file, "stowage-test:inside", 512, false);
        refusedWith(loop.path() + " is bound to " + file, "losetup -d " + loop.path());
        LoopDevices.detach(loop);
    }

    @Test
    @DisplayName("75: a swap file in the volume")
    void aSwapFile() throws Exception {
        var file = Files.write(target.resolve("swap"), new byte[1 << 20]);
        run("chmod", "600", file.toString());
        run("mkswap", file.toString());
        run("swapon", file.toString());
        try {
            refusedWith("the machine swaps to " + file + ": swapoff " + file);
        } finally {
            run("swapoff", file.toString());
        }
    }

    @Test
    @DisplayName("75: at the staging path too")
    void theStagingPath() throws Exception {
        test.unpublish("target");
        try (var sleep = Sleep.start(test.stagingPath().toFile(), "sleep", "1000")) {
            assertThatThrownBy(test::unstage)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("volume " + test.id() + " can't be unstaged from")
                    .hasMessageContaining(sleep + " works in " + test.stagingPath());
        }
    }

    @Test
    @DisplayName("75: a mount namespace that has a copy of the mount")
    void anotherMountNamespace() throws Exception {
        try (var sleep =
                Sleep.start(
                        folder.toFile(),
                        "unshare",
                        "-m",
                        "--propagation",
                        "private",
                        "sleep",
                        "1000")) {
            Polling.await("its own namespace", LIMIT, () -> sleep.runs("sleep"));
            test.unpublish("target");
            refused(
                    test::unstage,
                    Reason.FAILED_PRECONDITION,
                    sleep + " has it mounted at " + test.stagingPath());
        }
    }

    /// The kernel then shows the file's path from the root of a mount that is not here.
    @Test
    @DisplayName("75: a loop device whose file is reached through such a copy")
    void aLoopDeviceFromAnotherMountNamespace() throws Exception {
        var file = Files.write(target.resolve("disk.img"), new byte[1 << 20]).toString();
        var losetup =
                List.of(
                        "unshare",
                        "-m",
                        "--propagation",
                        "private",
                        "losetup",
                        "-f",
                        "--show",
                        file);
        var loop = Command.run(losetup, LIMIT).stdout().strip();
        try {
            test.unpublish("target");
            refused(test::unstage, Reason.FAILED_PRECONDITION, loop);
        } finally {
            run("losetup", "-d", loop);
        }
    }

    @Test
    @DisplayName("75: who has the device of a block volume open")
    void anOpenDevice() throws Exception {
        try (var block = TestVolume.block(folder)) {
            block.stage();
            var device = block.loops().getFirst().path();
            try (var sleep = Sleep.holding(device)) {
                assertThatThrownBy(block::unstage)
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("volume " + block.id())
                        .hasMessageContaining(sleep + " has it open: end it");
            }
            block.unstage();
        }
    }

    /// As the kubelet makes one, and forgets to take it away.
    @Test
    @DisplayName("75: a loop device on the device of a block volume")
    void aLoopDeviceOnTheDevice() throws Exception {
        try (var block = TestVolume.block(folder)) {
            block.stage();
            var device = block.loops().getFirst().path().toString();
            var free =
                    Command.run(List.of("losetup", "-f", "--show", device), LIMIT).stdout().strip();
            try {
                assertThatThrownBy(block::unstage)
                        .hasMessageContaining("%s is bound to %s".formatted(free, device));
            } finally {
                run("losetup", "-d", free);
            }
            block.unstage();
        }
    }

    @Test
    void aSearchHasAnEnd() throws Exception {
        try (var sleep = Sleep.start(target.toFile(), "sleep", "1000")) {
            var mount = MountTable.read().at(target).getFirst();
            assertThat(MountUsers.of(mount, Duration.ZERO, 4)).isEmpty();
            assertThat(MountUsers.of(mount, LIMIT, 0)).isEmpty();
            assertThat(MountUsers.of(mount, LIMIT, 4))
                    .extracting(MountUsers.User::pid)
                    .containsExactly(sleep.pid());
        }
    }

    private void refusedWith(String... words) throws IOException {
        assertThatThrownBy(() -> test.unpublish("target"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(
                        "volume %s can't be unpublished from %s on node %s"
                                .formatted(test.id(), target, test.node))
                .hasMessageContaining("EBUSY")
                .hasMessageContainingAll(words);
        assertThat(MountTable.read().at(target)).hasSize(1);
    }

    private static void run(String... argv) throws IOException {
        Command.run(List.of(argv), LIMIT);
    }

    /// A process that does nothing until it is closed.
    private record Sleep(Process process) implements AutoCloseable {
        static Sleep start(File at, String... argv) throws Exception {
            var sleep = new Sleep(new ProcessBuilder(argv).directory(at).start());
            Polling.await("started", LIMIT, () -> !sleep.runs("java"));
            return sleep;
        }

        static Sleep holding(Path file) throws Exception {
            var sleep = start(new File("/"), "sh", "-c", "exec sleep 1000 < " + file);
            Polling.await("open", LIMIT, () -> sleep.runs("sleep"));
            return sleep;
        }

        boolean runs(String command) throws IOException {
            var comm = Files.readString(Path.of("/proc/" + pid() + "/comm")).strip();
            return comm.equals(command);
        }

        long pid() {
            return process.pid();
        }

        @Override
        public String toString() {
            try {
                var comm = Files.readString(Path.of("/proc/" + pid() + "/comm")).strip();
                return "process %d (%s)".formatted(pid(), comm);
            } catch (IOException e) {
                return "ended";
            }
        }

        @Override
        public void close() throws Exception {
            process.destroyForcibly();
            process.waitFor();
        }
    }
}
