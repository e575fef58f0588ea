package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.stowage.testing.Guest;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
@DisplayName("73: what a project quota leaves is what a pool offers")
class GuestQuotasTest {
    private static final Duration LIMIT = Duration.ofMinutes(8);

    @TempDir(factory = TestFolder.class)
    private static Path folder;

    private static Map<String, String> facts = Map.of();

    @BeforeAll
    static void runGuest() throws Exception {
        var missing = Guest.missing();
        assumeTrue(missing.isEmpty(), missing.orElse(""));
        facts = Guest.run(GuestQuotas.class, folder, LIMIT);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ext4", "xfs"})
    void bytesAndInodesOfTheQuotaAreAllThatThePoolHas(String kind) {
        assertThat(Long.parseLong(facts.get(kind + " offered"))).isBetween(180L, 200L);
        assertThat(Long.parseLong(facts.get(kind + " left"))).isBetween(50L, 72L);
        assertThat(facts.get(kind + " refused")).contains("NO_SPACE", "no free inodes (files)");
        assertThat(facts.get(kind + " faults")).isEqualTo("[POOL_INODES_EXHAUSTED]");
    }
}
