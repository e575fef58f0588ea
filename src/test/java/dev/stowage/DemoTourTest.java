package dev.stowage;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.stowage.linux.Command;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.ProgramRun;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class DemoTourTest {
    private static final Duration LIMIT = Duration.ofMinutes(3);

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    /// The driver's socket is in it, so its path must be short.
    @SuppressWarnings("NullAway.Init")
    private Path place;

    @BeforeEach
    void makePlace() throws IOException {
        place = Files.createTempDirectory(Path.of("/var/tmp"), "t");
    }

    @AfterEach
    void requireNothingLeft() throws IOException {
        assertThat(place).isEmptyDirectory();
        Files.delete(place);
        assertThat(groups()).isEmpty();
    }

    private static String groups() throws IOException {
        var groups = new StringBuilder();
        for (var line : Files.readAllLines(Path.of("/proc/self/mountinfo"), ISO_8859_1)) {
            if (line.contains(" - cgroup2 ")) {
                try (var found =
                        Files.newDirectoryStream(Path.of(line.split(" ")[4]), "stowage-tour.*")) {
                    found.forEach(group -> groups.append(group).append('\n'));
                }
            }
        }
        return groups.toString();
    }

    private ProgramRun start(String... more) throws IOException {
        assumeTrue(Command.find("mkfs.xfs").isPresent(), "mkfs.xfs is missing: install xfsprogs");
        var arguments = new ArrayList<>(List.of("demo", "--tour"));
        arguments.addAll(List.of(more));
        arguments.add("--pool-dir=" + place);
        return ProgramRun.start(folder.resolve("output"), arguments.toArray(String[]::new));
    }

    @ParameterizedTest
    @CsvSource({"ext4, 64Mi", "xfs, 300Mi", "btrfs, 128Mi"})
    void theTourShowsWhatTheDriverDoesWithDataAndLeavesNothing(String kind, String size)
            throws Exception {
        try (var tour = start("--fs", kind, "--size", size)) {
            var code = tour.await(LIMIT);
            assertThat(code).as(tour.said()).isZero();
            assertThat(tour.said())
                    .containsSubsequence("disk", "start", "volume", "snapshot  10 while")
                    .containsSubsequence("contents", "restore", "delete", "the pool is empty")
                    .containsSubsequence("group     3 while", "order", "the pool is empty")
                    .containsSubsequence("change", "changed   listed: 400 KiB", "all 100 blocks")
                    .containsSubsequence("write     8 MiB, direct", "limit     2 MiB a second")
                    .contains("Left behind: nothing (no mount, no loop device, no file).")
                    .containsPattern("still for \\d+, \\d+, \\d+ ms");
            assertLimitIsSeenOrExplained(tour.said());
        }
    }

    private static void assertLimitIsSeenOrExplained(String said) {
        if (said.contains("NOT applied")) {
            assertThat(said)
                    .contains("LimitsNotApplied:")
                    .containsPattern("limits writeBytesPerSecond=2097152 are not applied: \\S+");
        } else {
            assertThat(Pattern.compile("(?m)^write +8 MiB").matcher(said).results()).hasSize(2);
        }
    }

    /// In the middle of each of its parts: while volumes, a pool on a loop device and loop devices
    /// on files of that pool are in use.
    @ParameterizedTest
    @ValueSource(strings = {"start ", "volume ", "snapshot ", "volumes ", "device ", "change "})
    void aTourThatIsToldToEndCleansUp(String last) throws Exception {
        try (var tour = start("--size=64Mi")) {
            Polling.await(
                    "the tour comes to " + last,
                    LIMIT,
                    () -> tour.said().contains("\n" + last) || !tour.process().isAlive());
            tour.process().destroy();
            var _ = tour.await(LIMIT);
            assertThat(tour.said())
                    .contains("\n" + last)
                    .contains("Interrupted. All was cleaned up.")
                    .doesNotContain("Left behind");
        }
    }

    @Test
    void aTourThatComesToNoGoodEndSaysSoAndCleansUp() throws Exception {
        try (var tour = start("--size=64Mi")) {
            Polling.await(
                    "the tour begins to write",
                    LIMIT,
                    () -> tour.said().contains("\nvolume ") || !tour.process().isAlive());
            tour.process().children().forEach(ProcessHandle::destroyForcibly);
            assertThat(tour.await(LIMIT)).as(tour.said()).isOne();
            assertThat(tour.said())
                    .contains("stowage: ", " (all was cleaned up)")
                    .doesNotContain("Left behind");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--keep|--keep leaves a volume mounted",
                "--fs=block|--tour writes files",
                "--size=31Mi|--tour makes volumes of 32Mi to 100Gi",
                "--size=1Ti|--tour makes volumes of 32Mi to 100Gi"
            })
    void whatMakesNoSenseWithATourIsRefused(String argument, String sentence) throws Exception {
        try (var tour = start(argument)) {
            assertThat(tour.await(LIMIT)).isEqualTo(2);
            assertThat(tour.said()).startsWith(sentence);
        }
    }
}
