package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.GetPluginInfoRequest;
import dev.stowage.client.CsiClient;
import dev.stowage.linux.Command;
import dev.stowage.linux.Linux;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.ServeProcess;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// What a driver says of itself while it starts.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class StartTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir(factory = TestFolder.class)
    private Path folder;

    /// Failure case 56: a pool whose disk does not answer yet.
    @Test
    void aDriverIsNotReadyWhileItOpensItsPools() throws Exception {
        try (var disk =
                LoopFileSystem.make(folder, LoopFileSystem.Kind.EXT4, 64 * TestDriver.MIB)) {
            Linux.freeze(disk.mountPoint());
            var yaml =
                    "attach: false\npools: {ssd: {type: file, path: %s/ssd}}\n"
                            .formatted(disk.mountPoint());
            try (var driver = ServeProcess.start(folder, "n1", yaml);
                    var client = new CsiClient(driver.socket())) {
                Polling.await("the socket", PATIENCE, () -> Files.exists(driver.socket()));
                for (var i = 0; i < 10; i++) {
                    assertThat(driver.ready(client)).isFalse();
                }
                var info = GetPluginInfoRequest.getDefaultInstance();
                assertThat(client.identity().getPluginInfo(info).getName()).isNotEmpty();
                Linux.thaw(disk.mountPoint());
                driver.awaitReady();
                driver.terminate();
                assertThat(driver.awaitEnd(30)).isTrue();
            } finally {
                Linux.thaw(disk.mountPoint());
            }
        }
    }

    /// Failure case 24.
    @Test
    void aDriverWhoseMountsTheKubeletWouldNotSeeIsNotReadyAndSaysWhy() throws Exception {
        var yaml = "attach: false\npools: {ssd: {type: file, path: %s/ssd}}\n".formatted(folder);
        try (var kubelet =
                LoopFileSystem.make(folder, LoopFileSystem.Kind.EXT4, 64 * TestDriver.MIB)) {
            propagation("--make-private", kubelet.mountPoint());
            var option = "--kubelet-dir=" + kubelet.mountPoint();
            try (var driver = ServeProcess.start(folder, "n1", yaml, option);
                    var client = new CsiClient(driver.socket())) {
                Polling.await(
                        "the log says why",
                        PATIENCE,
                        () -> driver.log().contains("mountPropagation: Bidirectional"));
                assertThat(driver.ready(client)).isFalse();
            }
            propagation("--make-shared", kubelet.mountPoint());
            try (var driver = ServeProcess.start(folder, "n2", yaml, option)) {
                driver.awaitReady();
            }
        }
    }

    @Test
    void aDriverThatReachesNoApiWorksAllTheSameAndSaysWhatIsMissing() throws Exception {
        var yaml = "attach: false\npools: {ssd: {type: file, path: %s/ssd}}\n".formatted(folder);
        try (var driver = ServeProcess.start(folder, "n1", yaml, "--claim-events");
                var client = new CsiClient(driver.socket())) {
            driver.awaitReady();
            Polling.await(
                    "the log says what is missing",
                    PATIENCE,
                    () -> driver.log().contains("KUBERNETES_SERVICE_PORT are not set"));
            assertThat(driver.ready(client)).isTrue();
            driver.terminate();
            assertThat(driver.awaitEnd(30)).isTrue();
        }
    }

    @Test
    void eventsOnClaimsAreRefusedWhereNoProvisionerIs() throws Exception {
        var yaml = "attach: false\npools: {ssd: {type: file, path: %s/ssd}}\n".formatted(folder);
        try (var driver = ServeProcess.start(folder, "n1", yaml, "--role=node", "--claim-events")) {
            assertThat(driver.awaitEnd(60)).isTrue();
            assertThat(driver.log())
                    .contains("stowage: --claim-events is for drivers with a provisioner");
        }
    }

    private static void propagation(String how, Path mountPoint) throws Exception {
        Command.run(List.of("mount", how, mountPoint.toString()), Duration.ofSeconds(10));
    }
}
