package dev.stowage.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.stowage.linux.Command;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.ProgramRun;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class SnapshotBenchTest {
    private static final Duration LIMIT = Duration.ofMinutes(3);

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @Test
    void theBenchTellsWhatSnapshotsOfEachSizeTakeAndLeavesNothing() throws Exception {
        assumeTrue(Command.find("mkfs.xfs").isPresent(), "mkfs.xfs is missing: install xfsprogs");
        // the driver's socket is in it, so its path must be short
        var place = Files.createTempDirectory(Path.of("/var/tmp"), "b");
        try (var bench =
                ProgramRun.start(
                        folder.resolve("output"),
                        "bench",
                        "--snapshots",
                        "--rounds=2",
                        "--warm-up=0",
                        "--pool-dir=" + place)) {
            var code = bench.await(LIMIT);
            assertThat(code).as(bench.said()).isZero();
            assertThat(bench.said())
                    .containsSubsequence("1 GiB", "10 GiB", "100 GiB", "100 GiB / 1 GiB, p50:");
        }
        assertThat(place).isEmptyDirectory();
        Files.delete(place);
    }
}
