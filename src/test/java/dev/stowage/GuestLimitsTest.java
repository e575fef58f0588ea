package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.stowage.testing.Guest;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Limits on I/O, and the growth of a mounted ext4, on a kernel that does both: in a guest.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class GuestLimitsTest {
    private static final Duration LIMIT = Duration.ofMinutes(8);

    @TempDir(factory = TestFolder.class)
    private static Path folder;

    private static Map<String, String> facts = Map.of();

    @BeforeAll
    static void runGuest() throws Exception {
        var missing = Guest.missing();
        assumeTrue(missing.isEmpty(), missing.orElse(""));
        facts = Guest.run(GuestLimits.class, folder, LIMIT);
    }

    @Test
    void aStagedVolumeIsLimitedByBothItsClasses() {
        assertThat(facts).containsEntry("staged", "rbps=1048576 wbps=1048576 riops=max wiops=max");
    }

    /// 4 MiB at 1 MiB a second; what the kernel grants ahead is under a second's worth.
    @ParameterizedTest
    @ValueSource(strings = {"direct write", "direct read", "buffered write"})
    void podsAreHeldToTheLimit(String work) {
        assertThat(seconds("limited " + work)).isGreaterThan(3);
        assertThat(seconds("unlimited " + work)).isLessThan(seconds("limited " + work));
    }

    @Test
    void aVolumeInUseTakesOtherLimitsAndWhatTheChangeDoesNotNameIsAsItWasMade() {
        assertThat(facts).containsEntry("changed", "rbps=max wbps=max riops=max wiops=20");
        // 60 writes at 20 a second
        assertThat(seconds("changed 60 writes")).isGreaterThan(2);
    }

    @Test
    void aRestartedDriverSetsAgainWhatWasLost() {
        assertThat(facts)
                .containsEntry("cleared", "")
                .containsEntry("restarted", "rbps=1048576 wbps=max riops=1000 wiops=max");
    }

    @Test
    void aDeviceThatIsGivenBackHasNoLimits() {
        assertThat(facts).containsEntry("unstaged", "");
    }

    @Test
    void aMountedExt4Grows() {
        assertThat(Long.parseLong(fact("bytes before growth"))).isLessThan(32 << 20);
        assertThat(Long.parseLong(fact("bytes after growth"))).isGreaterThan(200 << 20);
    }

    private static double seconds(String fact) {
        return Double.parseDouble(fact(fact));
    }

    private static String fact(String name) {
        return Objects.requireNonNull(facts.get(name), name);
    }
}
