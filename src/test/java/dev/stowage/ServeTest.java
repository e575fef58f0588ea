package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.NodeStageVolumeRequest;
import csi.v1.ProbeRequest;
import csi.v1.VolumeCapability.AccessMode.Mode;
import dev.stowage.client.CsiClient;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The driver as a process of its own.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class ServeTest {
    private static final String CANARY = "tr0ub4dor-canary";

    @TempDir(factory = TestFolder.class)
    private Path folder;

    private final List<Process> started = new ArrayList<>();

    /// Failure case 52.
    @Test
    void onlyOneDriverServesAndADeadOnesSocketIsCleared() throws Exception {
        var first = serve("first", "INFO");
        awaitReady();
        assertThat(Files.getPosixFilePermissions(socket()))
                .isEqualTo(PosixFilePermissions.fromString("rw-------"));
        var second = serve("second", "INFO");
        assertThat(second.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(second.exitValue()).isEqualTo(1);
        assertThat(log("second")).contains("another process serves on " + socket());
        awaitReady();
        first.destroyForcibly().waitFor();
        assertThat(socket()).exists();
        serve("third", "INFO");
        awaitReady();
        end();
    }

    /// Failure case 53.
    @Test
    void aTerminatedDriverEndsByItselfAndTakesItsSocketAlong() throws Exception {
        var driver = serve("driver", "INFO");
        awaitReady();
        driver.destroy();
        assertThat(driver.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(socket()).doesNotExist();
    }

    /// Failure case 54.
    @ParameterizedTest
    @ValueSource(strings = {"TRACE", "INFO"})
    void secretsAreNeverLoggedNorRepeated(String level) throws Exception {
        serve("driver", level);
        awaitReady();
        try (var client = new CsiClient(socket())) {
            var create = TestDriver.createRequest("data").toBuilder().putSecrets("key", CANARY);
            assertThat(client.controller().createVolume(create.build()).getVolume().getVolumeId())
                    .isNotEmpty();
            var refused =
                    TestDriver.refusal(
                            () ->
                                    client.controller()
                                            .createVolume(
                                                    create.putParameters("nonsense", "1").build()));
            assertThat(refused.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
            assertThat(refused.getDescription()).doesNotContain(CANARY);
            var stage =
                    NodeStageVolumeRequest.newBuilder()
                            .setVolumeId("nothing")
                            .setStagingTargetPath(folder.resolve("staging").toString())
                            .setVolumeCapability(TestDriver.mount(Mode.SINGLE_NODE_WRITER))
                            .putSecrets("key", CANARY)
                            .build();
            assertThat(TestDriver.refusal(() -> client.node().nodeStageVolume(stage)).getCode())
                    .isEqualTo(Status.Code.NOT_FOUND);
        }
        end();
        assertThat(log("driver")).contains("CreateVolume data OK").doesNotContain(CANARY);
        assertThat(log("driver")).doesNotContain(hex(CANARY));
    }

    @Test
    void aConfigurationThatCanNotBeUsedIsOneSentence() throws Exception {
        Files.writeString(folder.resolve("stowage.yaml"), "attach: false\npols: {}\n");
        var driver = start("driver", "INFO");
        assertThat(driver.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(driver.exitValue()).isEqualTo(1);
        assertThat(log("driver").lines().filter(line -> !line.startsWith("WARNING:")))
                .containsExactly(
                        "stowage: %s, line 2: unknown key 'pols': did you mean 'pools'?"
                                .formatted(folder.resolve("stowage.yaml")));
    }

    private Process serve(String name, String level) throws IOException {
        Files.writeString(
                folder.resolve("stowage.yaml"),
                "attach: false\nstate: %1$s/state\npools: {ssd: {type: file, path: %1$s/ssd}}\n"
                        .formatted(folder));
        return start(name, level);
    }

    private Process start(String name, String level) throws IOException {
        var command =
                List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "--sun-misc-unsafe-memory-access=allow",
                        "-Dlogback.configurationFile="
                                + Path.of("src/main/resources/logback.xml").toAbsolutePath(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        "dev.stowage.Main",
                        "serve",
                        "--config=" + folder.resolve("stowage.yaml"),
                        "--endpoint=unix://" + socket(),
                        "--node-id=n1");
        var builder =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve(name + ".log").toFile());
        builder.environment().put("STOWAGE_LOG_LEVEL", level);
        var process = builder.start();
        started.add(process);
        return process;
    }

    private void awaitReady() {
        try (var client = new CsiClient(socket())) {
            while (!client.identity()
                    .probe(ProbeRequest.getDefaultInstance())
                    .getReady()
                    .getValue()) {
                Thread.onSpinWait();
            }
        }
    }

    @AfterEach
    void end() throws InterruptedException {
        for (var process : started) {
            process.destroyForcibly().waitFor();
        }
    }

    private Path socket() {
        return folder.resolve("csi.sock");
    }

    private String log(String name) throws IOException {
        return Files.readString(folder.resolve(name + ".log"));
    }

    private static String hex(String text) {
        return java.util.HexFormat.of()
                .formatHex(text.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }
}
