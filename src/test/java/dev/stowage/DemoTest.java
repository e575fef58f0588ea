package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.ProgramRun;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class DemoTest {
    @TempDir(factory = TestFolder.class)
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String... arguments) {
        return Main.commandLine()
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(arguments);
    }

    @ParameterizedTest
    @CsvSource({"ext4, 64Mi", "xfs, 320Mi", "btrfs, 128Mi", "block, 16Mi"})
    void aVolumeLivesFromItsMakingToItsEndAndNothingIsLeftBehind(String kind, String size)
            throws IOException {
        var code = run("demo", "--fs", kind, "--size", size, "--pool-dir", folder.toString());

        assertThat(err.toString()).isEmpty();
        assertThat(out.toString())
                .containsSubsequence(
                        "start", "create", "attach", "stage", "publish", "write", "read", "grow")
                .containsSubsequence("unpublish", "unstage", "detach", "to n2", "find", "delete")
                .contains("Left behind: nothing (no mount, no loop device, no file).");
        assertThat(code).isZero();
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aKeptVolumeIsMountedWhereItSaysAndGoesAwayWithTheCommandsItSays() throws Exception {
        var code = run("demo", "--keep", "--size", "32Mi", "--pool-dir", folder.toString());

        assertThat(err.toString()).isEmpty();
        assertThat(code).isZero();
        var target = Path.of(lineThatBegins("mounted at ").substring("mounted at ".length()));
        assertThat(target.resolve("hello")).hasSize(1 << 20);
        var commands = out.toString().lines().filter(line -> line.startsWith("  ")).toList();
        assertThat(commands).hasSize(4); // umount twice, losetup -d, rm -r
        for (var command : commands) {
            var process = new ProcessBuilder("sh", "-c", command).inheritIO().start();
            assertThat(process.waitFor()).as(command).isZero();
        }
        assertThat(folder).isEmptyDirectory();
    }

    private String lineThatBegins(String beginning) {
        return out.toString()
                .lines()
                .filter(line -> line.startsWith(beginning))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void aVolumeTooSmallForItsFileSystemIsRoundedUp() {
        assertThat(run("demo", "--fs=btrfs", "--size=1Mi", "--pool-dir=" + folder)).isZero();
        assertThat(out.toString()).contains("112 MiB, thick");
    }

    @Test
    void aFolderThatForgetsIsRefusedWithWhatToDo() {
        assertThat(run("demo", "--pool-dir", "/dev/shm")).isEqualTo(1);
        assertThat(err.toString())
                .isEqualTo(
                        "stowage: /dev/shm is on tmpfs, which can't hold volumes:"
                                + " name a folder on a disk with --pool-dir\n");
    }

    @Test
    void aFolderThatIsNotThereIsRefusedWithWhatToDo() {
        assertThat(run("demo", "--pool-dir", folder.resolve("none").toString())).isEqualTo(1);
        assertThat(err.toString()).contains("is not a folder: name one that exists");
    }

    @Test
    void aVolumeThatDoesNotFitIsRefusedBeforeAnythingIsMade() throws IOException {
        assertThat(run("demo", "--size", "1Pi", "--pool-dir", folder.toString())).isEqualTo(1);
        assertThat(err.toString()).contains("free and", "are needed").hasLineCount(1);
        try (var files = Files.list(folder)) {
            assertThat(files).isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    --user  | : | mounting and loop devices need root: run it with sudo, or as root
                    --mount | mount -t tmpfs tmpfs /dev && mknod /dev/random c 1 8 && mknod /dev/urandom c 1 9 | this machine has no /dev/loop-control: load the kernel module with modprobe loop, or give the container the host's /dev
                    --mount | mount --bind /dev/null "$mkfs" | mkfs.ext4 is not installed: install the package e2fsprogs
                    """)
    void whatTheMachineLacksIsOneSentenceThatSaysWhatToDo(
            String namespace, String lack, String sentence) throws Exception {
        var script =
                "mkfs=$(PATH=$PATH:/usr/sbin:/sbin; readlink -f \"$(command -v mkfs.ext4)\"); %s && exec \"$@\""
                        .formatted(lack);
        var runner = List.of("unshare", namespace, "sh", "-c", script, "sh");
        try (var demo = ProgramRun.start(runner, folder.resolve("said"), "demo")) {
            assertThat(demo.await(Duration.ofSeconds(60))).isEqualTo(1);
            assertThat(demo.said()).isEqualTo("stowage: %s\n".formatted(sentence));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"--size=5Zi", "--size=0", "--fs=ntfs", "--sise=1Gi"})
    void anArgumentThatIsWrongIsNamed(String argument) {
        assertThat(run("demo", argument)).isEqualTo(2);
        assertThat(err.toString()).contains(argument.substring(argument.indexOf('=') + 1));
    }
}
