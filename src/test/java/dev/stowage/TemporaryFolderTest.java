package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Failure case 75: a driver whose temporary folder can't take the native code that is unpacked
/// there.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class TemporaryFolderTest {
    @TempDir(factory = TestFolder.class)
    private Path folder;

    @ParameterizedTest
    @CsvSource({
        "noexec, is mounted noexec",
        "size=16k, can't be written (No space left on device)",
        "ro, can't be written (Read-only file system)",
    })
    void aDriverSaysInOneSentenceWhatToMount(String options, String why) throws Exception {
        var temporary = Files.createDirectory(folder.resolve("tmp"));
        assertSays(start(temporary, options), temporary, why);
    }

    @Test
    void aFolderThatIsMissingIsNamed() throws Exception {
        var temporary = folder.resolve("none");
        assertSays(start(temporary, ""), temporary, "is not there");
    }

    private void assertSays(Process driver, Path temporary, String why) throws Exception {
        assertThat(driver.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(driver.exitValue()).isEqualTo(1);
        assertThat(Files.readAllLines(folder.resolve("log")))
                .filteredOn(line -> !line.startsWith("WARNING:")) // of Java itself
                .singleElement()
                .asString()
                .startsWith("stowage: the temporary folder %s %s".formatted(temporary, why))
                .contains("STOWAGE_JAVA_OPTIONS=-Djava.io.tmpdir=");
        try (var files = Files.list(folder.resolve("cwd"))) {
            assertThat(files).isEmpty();
        }
    }

    /// In a mount namespace of its own; with options a tmpfs with them is mounted there.
    private Process start(Path temporary, String options) throws Exception {
        var config =
                Files.writeString(
                        folder.resolve("stowage.yaml"),
                        "attach: false\nstate: %1$s/state\npools: {ssd: {type: file, path: %1$s/ssd}}\n"
                                .formatted(folder));
        var mount =
                options.isEmpty()
                        ? ""
                        : "mount -t tmpfs -o %s tmpfs %s && ".formatted(options, temporary);
        var command =
                List.of(
                        "unshare",
                        "--mount",
                        "sh",
                        "-c",
                        mount + "exec \"$@\"",
                        "sh",
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "--sun-misc-unsafe-memory-access=allow",
                        "-XX:-UsePerfData",
                        "-Djava.io.tmpdir=" + temporary,
                        "-cp",
                        classPath(),
                        "dev.stowage.Main",
                        "serve",
                        "--config=" + config,
                        "--endpoint=unix://" + folder.resolve("csi.sock"));
        // jnr would unpack into the working directory too.
        return new ProcessBuilder(command)
                .directory(Files.createDirectory(folder.resolve("cwd")).toFile())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
    }

    private static String classPath() {
        return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .map(entry -> Path.of(entry).toAbsolutePath().toString())
                .collect(Collectors.joining(File.pathSeparator));
    }
}
