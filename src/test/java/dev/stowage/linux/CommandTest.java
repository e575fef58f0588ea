package dev.stowage.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.TestFolder;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(NothingLeftBehind.class)
class CommandTest {
    private static final Duration LIMIT = Duration.ofSeconds(20);

    @TempDir(factory = TestFolder.class)
    Path folder;

    private static Command.Output shell(String script, Integer... accepted) throws Exception {
        return Command.run(
                List.of("sh", "-c", script),
                LIMIT,
                accepted.length == 0 ? Set.of(0) : Set.of(accepted));
    }

    @Test
    void bothOutputsAndTheExitCodeAreKept() throws Exception {
        assertThat(shell("echo out; echo err >&2; exit 3", 0, 3))
                .isEqualTo(new Command.Output(3, "out\n", "err\n"));
    }

    @Test
    void argumentsAreNotAShells() throws Exception {
        assertThat(Command.run(List.of("echo", "$HOME; rm *", "a  b"), LIMIT).stdout())
                .isEqualTo("$HOME; rm * a  b\n");
    }

    @Test
    void aFailureHasExitCodeAndTheProgramsWords() {
        assertThatThrownBy(() -> shell("echo went wrong >&2; exit 7"))
                .isInstanceOfSatisfying(
                        CommandException.class,
                        e -> {
                            assertThat(e.exitCode()).isEqualTo(7);
                            assertThat(e.stderr()).isEqualTo("went wrong\n");
                            assertThat(e.argv()).first().isEqualTo("sh");
                            assertThat(e).hasMessageEndingWith(" exited with 7: went wrong");
                        });
    }

    @Test
    void aProgramThatASignalEndedIsAFailure() {
        assertThatThrownBy(() -> shell("kill -9 $$"))
                .isInstanceOfSatisfying(
                        CommandException.class, e -> assertThat(e.exitCode()).isEqualTo(128 + 9));
    }

    /// mke2fs says some of its refusals on stdout alone.
    @Test
    void whatAFailedProgramSaidOnStdoutIsKeptToo() {
        assertThatThrownBy(() -> shell("echo no extents; exit 1"))
                .isInstanceOfSatisfying(
                        CommandException.class,
                        e -> {
                            assertThat(e.stdout()).isEqualTo("no extents\n");
                            assertThat(e.stderr()).isEmpty();
                            assertThat(e).hasMessageEndingWith("exited with 1: no extents");
                        });
        assertThatThrownBy(() -> shell("echo out; echo err >&2; exit 1"))
                .hasMessageEndingWith("exited with 1: err\nout");
    }

    @Test
    void aMissingProgramIsNamed() {
        assertThatThrownBy(() -> Command.run(List.of("mkfs.nofs", "-q"), LIMIT))
                .isInstanceOfSatisfying(
                        CommandException.class,
                        e -> {
                            assertThat(e.exitCode()).isEqualTo(127);
                            assertThat(e).hasMessageContaining("mkfs.nofs is not installed");
                        });
        assertThat(Command.find("mkfs.nofs")).isEmpty();
        assertThat(Command.find("sh")).isPresent();
    }

    @Test
    void theEnvironmentIsPathAndLocaleOnly() throws Exception {
        var output = shell("env | sort | grep -v -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD=").stdout();
        assertThat(output.lines().map(line -> line.replaceFirst("=.*", "")))
                .containsExactly("LC_ALL", "PATH");
        assertThat(output).contains("LC_ALL=C\n");
    }

    @Test
    void theProgramInheritsNoDescriptors() throws Exception {
        try (var _ = Fd.open(folder, OpenFlags.O_RDONLY)) {
            assertThat(shell("ls -l /proc/self/fd").stdout()).doesNotContain(folder.toString());
        }
    }

    @Test
    void moreOutputThanIsKeptDoesNotStopTheProgram() throws Exception {
        var output =
                shell(
                        "head -c 3000000 /dev/zero | tr '\\0' x; head -c 200000 /dev/zero | tr '\\0' y >&2");
        assertThat(output.stdout()).hasSize(1 << 20);
        assertThat(output.stderr()).hasSize(64 << 10).endsWith("y");
    }

    @Test
    void aProgramIsKilledAtItsTimeLimit() {
        var pid = folder.resolve("pid");
        assertThatThrownBy(
                        () ->
                                Command.run(
                                        List.of(
                                                "sh",
                                                "-c",
                                                "echo $$ > "
                                                        + pid
                                                        + "; echo begun >&2; exec sleep 1000"),
                                        Duration.ofSeconds(1)))
                .isInstanceOfSatisfying(
                        CommandException.class,
                        e -> {
                            assertThat(e.exitCode()).isEqualTo(CommandException.KILLED);
                            assertThat(e.stderr()).isEqualTo("begun\n");
                        });
        assertThat(pid).content().satisfies(text -> assertThat(isAlive(text)).isFalse());
    }

    @Test
    void anInterruptKillsTheProgram() throws Exception {
        var pid = folder.resolve("pid");
        var thrown = new Throwable[1];
        var thread =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    try {
                                        shell("echo $$ > " + pid + "; exec sleep 1000");
                                    } catch (Exception e) {
                                        thrown[0] = e;
                                    }
                                });
        Polling.await(
                "the program writes its pid",
                LIMIT,
                () -> Files.exists(pid) && Files.size(pid) > 0);
        thread.interrupt();
        thread.join();
        assertThat(thrown[0]).isInstanceOf(InterruptedIOException.class);
        assertThat(isAlive(Files.readString(pid))).isFalse();
    }

    /// 53, 36: what `kill -9` of the driver leaves behind.
    @Test
    void aProgramDiesWithAKilledDriver() throws Exception {
        var pid = folder.resolve("pid");
        var driver =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "--enable-native-access=ALL-UNNAMED",
                                "-cp",
                                System.getProperty("java.class.path"),
                                Driver.class.getName(),
                                pid.toString())
                        .inheritIO()
                        .start();
        try {
            Polling.await(
                    "the program writes its pid",
                    LIMIT,
                    () -> Files.exists(pid) && Files.size(pid) > 0);
            var program = Files.readString(pid);
            assertThat(isAlive(program)).isTrue();
            driver.destroyForcibly().waitFor(); // SIGKILL
            Polling.await("the program is gone", LIMIT, () -> !isAlive(program));
        } finally {
            driver.destroyForcibly();
        }
    }

    /// A driver in the middle of a mkfs.
    static final class Driver {
        public static void main(String[] arguments) throws Exception {
            // Says its pid when the pact is made, which is seen by the O_ASYNC flag of its stdin.
            shell(
                    "until grep -q '^flags:.*020000' /proc/$$/fdinfo/0; do :; done;"
                            + " echo $$ > "
                            + arguments[0]
                            + "; exec sleep 1000");
        }
    }

    private static boolean isAlive(String pid) {
        return ProcessHandle.of(Long.parseLong(pid.strip()))
                .map(ProcessHandle::isAlive)
                .orElse(false);
    }
}
