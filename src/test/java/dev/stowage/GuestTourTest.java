package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.stowage.testing.Guest;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// The tour on a kernel that can apply limits.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class GuestTourTest {
    private static final Duration LIMIT = Duration.ofMinutes(10);

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @Test
    void theTourShowsALimitAtWorkAndLeavesTheGroupsAsTheyWere() throws Exception {
        var missing = Guest.missing();
        assumeTrue(missing.isEmpty(), missing.orElse(""));
        var facts = Guest.run(GuestTour.class, folder, LIMIT);
        var said =
                facts.entrySet().stream()
                        .filter(fact -> fact.getKey().startsWith("line "))
                        .map(fact -> fact.getValue() + "\n")
                        .collect(Collectors.joining());
        assertThat(facts).as(said).containsEntry("code", "0").containsEntry("io", "");
        assertThat(said)
                .containsSubsequence("limit ", "while in use: set", "\nwrite ", "MiB a second")
                .contains("Left behind: nothing (no mount, no loop device, no file).");
    }
}
