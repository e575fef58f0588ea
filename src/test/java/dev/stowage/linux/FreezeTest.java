package dev.stowage.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
final class FreezeTest {
    private static final Duration LONG = Duration.ofMinutes(10);
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    private final List<LoopFileSystem> disks = new ArrayList<>();

    @BeforeEach
    void make() throws IOException {
        for (var name : List.of("a", "b")) {
            disks.add(LoopFileSystem.make(folder, name, LoopFileSystem.Kind.EXT4, 16L << 20));
        }
    }

    @AfterEach
    void clear() throws IOException {
        for (var disk : disks) {
            disk.close();
        }
    }

    private Path note() throws IOException {
        return Files.writeString(folder.resolve("note"), "frozen");
    }

    private Path at(int disk) {
        return disks.get(disk).mountPoint();
    }

    private static Fd open(Path mountPoint) throws ErrnoException {
        return Fd.open(mountPoint, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
    }

    /// A second freeze is refused; one that is not refused is taken back.
    private static boolean frozen(Path mountPoint) throws ErrnoException {
        try {
            Linux.freeze(mountPoint);
            Linux.thaw(mountPoint);
            return false;
        } catch (ErrnoException e) {
            if (e.is(Errno.EBUSY)) {
                return true;
            }
            throw e;
        }
    }

    @Test
    void allAreFrozenUntilTheyAreThawed() throws Exception {
        try (var a = open(at(0));
                var b = open(at(1));
                var freeze = Freeze.of(List.of(a, b), LONG, note())) {
            assertThat(frozen(at(0))).isTrue();
            assertThat(frozen(at(1))).isTrue();
            assertThat(freeze.thaw()).isTrue();
            assertThat(frozen(at(0))).isFalse();
            assertThat(frozen(at(1))).isFalse();
        }
        Files.writeString(at(0).resolve("file"), "written");
        disks.getFirst().unmount(); // nothing keeps it busy any more
        disks.getFirst().mount();
    }

    @Test
    void ifOneCantBeFrozenNoneStaysSo() throws Exception {
        Linux.freeze(at(1));
        try (var a = open(at(0));
                var b = open(at(1))) {
            assertThatThrownBy(() -> Freeze.of(List.of(a, b), LONG, note()))
                    .isInstanceOf(ErrnoException.class)
                    .hasMessageContaining("EBUSY");
        }
        assertThat(frozen(at(0))).isFalse();
        assertThat(Linux.thaw(at(1))).isTrue();
    }

    @Test
    void afterTheBoundAllAreThawedAndTheFreezeSaysSo() throws Exception {
        try (var a = open(at(0));
                var b = open(at(1));
                var freeze = Freeze.of(List.of(a, b), Duration.ofSeconds(1), note())) {
            Polling.await("thawed", PATIENCE, () -> !frozen(at(0)) && !frozen(at(1)));
            assertThat(freeze.thaw()).isFalse();
        }
    }

    @Test
    @DisplayName("47: what a killed process has frozen is thawed at once")
    void whatAKilledProcessHasFrozenIsThawed() throws Exception {
        var process = freezeInAnother();
        try {
            assertThat(frozen(at(0))).isTrue();
            assertThat(frozen(at(1))).isTrue();
        } finally {
            process.destroyForcibly().waitFor();
        }
        Polling.await("thawed", PATIENCE, () -> !frozen(at(0)) && !frozen(at(1)));
        Polling.await("forgotten", PATIENCE, () -> !Files.exists(folder.resolve("note")));
        Files.writeString(at(1).resolve("file"), "written");
        Polling.await("the watchdog has let go", PATIENCE, this::unmountable);
    }

    private boolean unmountable() throws IOException {
        try {
            disks.getFirst().unmount();
            disks.getFirst().mount();
            return true;
        } catch (ErrnoException e) {
            if (e.is(Errno.EBUSY)) {
                return false;
            }
            throw e;
        }
    }

    private Process freezeInAnother() throws IOException {
        var process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "--enable-native-access=ALL-UNNAMED",
                                "-XX:TieredStopAtLevel=1",
                                "-cp",
                                System.getProperty("java.class.path"),
                                FreezeTest.class.getName(),
                                note().toString(),
                                at(0).toString(),
                                at(1).toString())
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        if (process.getInputStream().read() != 'f') {
            process.destroyForcibly();
            throw new IOException("the other process froze nothing");
        }
        return process;
    }

    /// Freezes the file systems that are mounted at its arguments but the first, the note; says so
    /// and waits to be killed.
    public static void main(String[] arguments) throws IOException {
        var roots = new ArrayList<Fd>();
        for (var mountPoint : List.of(arguments).subList(1, arguments.length)) {
            roots.add(open(Path.of(mountPoint)));
        }
        try (var _ = Freeze.of(roots, LONG, Path.of(arguments[0]))) {
            System.out.print('f');
            System.out.flush();
            var _ = System.in.read();
        }
    }
}
