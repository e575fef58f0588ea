package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.stowage.linux.Command;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class SnapshotBenchTest {
    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    /// In a process of its own, as from a shell: without this project's tests on its class path.
    @Test
    void theBenchTellsWhatSnapshotsOfEachSizeTakeAndLeavesNothing() throws Exception {
        assumeTrue(Command.find("mkfs.xfs").isPresent(), "mkfs.xfs is missing: install xfsprogs");
        // the driver's socket is in it, so its path must be short
        var place = Files.createTempDirectory(Path.of("/var/tmp"), "b");
        var classPath =
                Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                        .filter(entry -> !entry.endsWith("test-classes"))
                        .collect(Collectors.joining(File.pathSeparator));
        var output = folder.resolve("output").toFile();
        var bench =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                                "--enable-native-access=ALL-UNNAMED",
                                "--sun-misc-unsafe-memory-access=allow",
                                "-cp",
                                classPath,
                                "dev.stowage.Main",
                                "bench",
                                "--snapshots",
                                "--rounds=2",
                                "--warm-up=0",
                                "--pool-dir=" + place)
                        .redirectErrorStream(true)
                        .redirectOutput(output)
                        .start();
        try {
            assertThat(bench.waitFor(3, TimeUnit.MINUTES)).isTrue();
        } finally {
            bench.destroy(); // it clears up after itself
            bench.waitFor();
        }
        var said = Files.readString(output.toPath());
        assertThat(bench.exitValue()).as(said).isZero();
        assertThat(said).containsSubsequence("1 GiB", "10 GiB", "100 GiB", "100 GiB / 1 GiB, p50:");
        assertThat(place).isEmptyDirectory();
        Files.delete(place);
    }
}
