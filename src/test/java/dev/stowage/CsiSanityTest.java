package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.stowage.config.Config;
import dev.stowage.config.ConfigFile;
import dev.stowage.serve.Driver;
import dev.stowage.serve.Role;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
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

/// The CSI community's own conformance test against the whole driver, on pools that clone blocks
/// and pools that copy bytes, with real loop devices.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class CsiSanityTest {
    /// What csi-sanity itself keeps pending; any other spec that is skipped fails the test.
    private static final String SKIPPED_ALWAYS = "skipped-always.txt";

    /// Specs of what a driver that attaches nothing does not do.
    private static final String SKIPPED_WITHOUT_ATTACHMENT = "skipped-without-attachment.txt";

    /// More than all volumes and copies of the specs at one time; the disk is a sparse file.
    private static final long DISK_BYTES = 16L << 30;

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @BeforeAll
    static void needsGo() {
        assumeTrue(
                CsiSanity.available(),
                "csi-sanity is built with Go, which is not on this machine: install Go");
    }

    @Test
    void mountedVolumesOfASharedPoolThatClonesBlocksPass() throws Exception {
        assertPasses(true, "mount", LoopFileSystem.Kind.XFS);
    }

    @Test
    void blockVolumesOfASharedPoolThatCopiesBytesPass() throws Exception {
        assertPasses(true, "block", LoopFileSystem.Kind.EXT4);
    }

    @Test
    void mountedVolumesOfASharedPoolThatCopiesBytesPass() throws Exception {
        assertPasses(true, "mount", LoopFileSystem.Kind.EXT4);
    }

    @Test
    void blockVolumesOfASharedPoolThatClonesBlocksPass() throws Exception {
        assertPasses(true, "block", LoopFileSystem.Kind.XFS);
    }

    @Test
    void mountedVolumesOfANodesOwnPoolThatCopiesBytesPass() throws Exception {
        assertPasses(false, "mount", LoopFileSystem.Kind.EXT4);
    }

    @Test
    void blockVolumesOfANodesOwnPoolThatClonesBlocksPass() throws Exception {
        assertPasses(false, "block", LoopFileSystem.Kind.XFS);
    }

    private void assertPasses(boolean attach, String accessType, LoopFileSystem.Kind disk)
            throws Exception {
        var skipped =
                attach
                        ? listed(SKIPPED_ALWAYS)
                        : listed(SKIPPED_ALWAYS, SKIPPED_WITHOUT_ATTACHMENT);
        var endpoint = "unix://" + folder.resolve("csi.sock");
        try (var pool = LoopFileSystem.make(folder, disk, DISK_BYTES);
                var driver = new Driver(config(attach, pool.mountPoint()), options(endpoint))) {
            driver.start();
            var report = CsiSanity.run(endpoint, accessType, folder);
            assertThat(report.failed()).as("failed specs; output in %s", report.output()).isEmpty();
            assertThat(report.skipped())
                    .as("skipped specs")
                    .containsExactlyInAnyOrderElementsOf(skipped);
            assertThat(report.passed()).as("passed specs").isNotEmpty();
        }
    }

    private Config config(boolean attach, Path disk) throws IOException {
        return ConfigFile.read(
                Files.writeString(
                        folder.resolve("stowage.yaml"),
                        """
                        attach: %s
                        state: %s
                        maxVolumesPerNode: 2
                        pools:
                          ssd: {type: file, path: %s/pool, filesystem: xfs, shared: %s}
                        """
                                .formatted(attach, folder.resolve("state"), disk, attach)));
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
