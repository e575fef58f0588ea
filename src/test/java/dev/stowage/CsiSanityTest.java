package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.volume.NodeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// The CSI community's own conformance test against the whole driver, on a real pool with real loop
/// devices.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class CsiSanityTest {
    /// Specs of what this driver does not do yet; anything else that is skipped fails the test.
    private static final String SKIPPED_ALWAYS = "skipped-always.txt";

    private static final String FAILING_UPSTREAM = "failing-upstream.txt";

    /// Specs of what a driver that attaches nothing does not do.
    private static final String SKIPPED_WITHOUT_ATTACHMENT = "skipped-without-attachment.txt";

    @TempDir private Path folder;

    @BeforeAll
    static void needsGo() {
        assumeTrue(
                CsiSanity.available(),
                "csi-sanity is built with Go, which is not on this machine: install Go");
    }

    @Test
    void mountedVolumesOfASharedPoolPass() throws Exception {
        assertPasses(true, "mount", listed(SKIPPED_ALWAYS));
    }

    @Test
    void blockVolumesOfASharedPoolPass() throws Exception {
        assertPasses(true, "block", listed(SKIPPED_ALWAYS));
    }

    @Test
    void mountedVolumesOfANodesOwnPoolPass() throws Exception {
        assertPasses(false, "mount", listed(SKIPPED_ALWAYS, SKIPPED_WITHOUT_ATTACHMENT));
    }

    @Test
    void blockVolumesOfANodesOwnPoolPass() throws Exception {
        assertPasses(false, "block", listed(SKIPPED_ALWAYS, SKIPPED_WITHOUT_ATTACHMENT));
    }

    private void assertPasses(boolean attach, String accessType, List<String> skipped)
            throws Exception {
        var endpoint = "unix://" + folder.resolve("csi.sock");
        try (var driver = new Driver(config(attach), options(endpoint))) {
            driver.start();
            var report = CsiSanity.run(endpoint, accessType, folder);
            assertThat(report.failed())
                    .as("failed specs; output in %s", report.output())
                    .containsExactlyInAnyOrderElementsOf(listed(FAILING_UPSTREAM));
            assertThat(report.skipped())
                    .as("skipped specs")
                    .containsExactlyInAnyOrderElementsOf(skipped);
            assertThat(report.passed()).as("passed specs").isNotEmpty();
        }
    }

    private Config config(boolean attach) throws IOException {
        var pool = Files.createDirectory(folder.resolve("pool"));
        return ConfigFile.read(
                Files.writeString(
                        folder.resolve("stowage.yaml"),
                        """
                        attach: %s
                        state: %s
                        maxVolumesPerNode: 2
                        pools:
                          ssd: {type: file, path: %s, filesystem: xfs, shared: %s}
                        """
                                .formatted(attach, folder.resolve("state"), pool, attach)));
    }

    private static Driver.Options options(String endpoint) {
        return new Driver.Options(endpoint, Role.ALL, NodeId.of("sanity"), Optional.empty());
    }

    private static List<String> listed(String... resources) throws IOException {
        var names = new ArrayList<String>();
        for (var resource : resources) {
            try (var in = CsiSanityTest.class.getResourceAsStream("/csi-sanity/" + resource)) {
                assertThat(in).as(resource).isNotNull();
                new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8)
                        .lines()
                        .filter(line -> !line.isBlank() && !line.startsWith("#"))
                        .forEach(names::add);
            }
        }
        return names;
    }
}
