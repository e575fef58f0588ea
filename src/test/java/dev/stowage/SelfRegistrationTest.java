package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import csi.v1.NodeGetInfoRequest;
import dev.stowage.client.CsiClient;
import dev.stowage.serve.KubeletFolder;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import pluginregistration.v1.InfoRequest;
import pluginregistration.v1.PluginInfo;
import pluginregistration.v1.RegistrationStatus;

/// The driver as a process that registers itself, and this test as the kubelet.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class SelfRegistrationTest {
    /// Short, for a socket's path has 107 bytes at most.
    private static final String DRIVER = "d.io";

    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir(factory = TestFolder.class)
    private Path folder;

    private final List<Process> started = new ArrayList<>();

    @BeforeEach
    void makeTheKubeletsFolder() throws IOException {
        Files.createDirectories(kubelet().resolve("plugins_registry"));
    }

    @AfterEach
    void end() throws InterruptedException {
        for (var process : started) {
            process.destroyForcibly().waitFor();
        }
    }

    @Test
    void theKubeletFindsADriverThatServesAlready() throws Exception {
        serve("driver");
        awaitRegistrationSocket();
        // No waiting: who sees the one socket can use the other.
        try (var driver = new CsiClient(Path.of(info().getEndpoint()))) {
            var info = driver.node().nodeGetInfo(NodeGetInfoRequest.getDefaultInstance());
            assertThat(info.getNodeId()).isEqualTo("n1");
        }
        assertThat(info())
                .isEqualTo(
                        PluginInfo.newBuilder()
                                .setType("CSIPlugin")
                                .setName(DRIVER)
                                .setEndpoint(kubelet().resolve("plugins/d.io/csi.sock").toString())
                                .addSupportedVersions("1.0.0")
                                .build());
        try (var files = Files.list(kubelet().resolve("plugins_registry"))) {
            assertThat(files).containsExactly(registrationSocket());
        }
        notify(RegistrationStatus.newBuilder().setPluginRegistered(true).build());
        assertThat(log("driver")).contains("the kubelet has registered " + DRIVER);
    }

    /// The kubelet sees a new socket where the old one was, and asks anew.
    @Test
    void aKilledDriversSocketsAreReplaced() throws Exception {
        var first = serve("first");
        awaitRegistrationSocket();
        first.destroyForcibly().waitFor();
        var before = Files.getAttribute(registrationSocket(), "unix:ino");
        serve("second");
        Polling.await(
                "the second driver registers",
                LIMIT,
                () -> !Files.getAttribute(registrationSocket(), "unix:ino").equals(before));
        assertThat(info().getName()).isEqualTo(DRIVER);
    }

    @Test
    void aTerminatedDriverTakesItsRegistrationAlong() throws Exception {
        var driver = serve("driver");
        awaitRegistrationSocket();
        driver.destroy();
        assertThat(driver.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(registrationSocket()).doesNotExist();
        assertThat(kubelet().resolve("plugins/d.io/csi.sock")).doesNotExist();
    }

    /// The kubelet does not ask again; only a new socket makes it.
    @Test
    void aRefusalEndsTheProcessWithTheKubeletsWords() throws Exception {
        var driver = serve("driver");
        awaitRegistrationSocket();
        notify(RegistrationStatus.newBuilder().setError("no such node in the cluster").build());
        assertThat(driver.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(driver.exitValue()).isEqualTo(1);
        assertThat(log("driver")).contains("ERROR", "no such node in the cluster");
        assertThat(registrationSocket()).doesNotExist();
    }

    /// A sidecar that registers the driver too would have the kubelet register it twice.
    @Test
    void aRegistrarThatIsAlreadyThereIsNotReplaced() throws Exception {
        serve("first");
        awaitRegistrationSocket();
        var second =
                serve("second", "--endpoint=unix://" + kubelet().resolve("plugins/other.sock"));
        assertThat(second.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(second.exitValue()).isEqualTo(1);
        assertThat(log("second"))
                .contains("another process serves on " + registrationSocket())
                .contains("--register and node-driver-registrar");
        assertThat(info().getName()).isEqualTo(DRIVER);
    }

    @Test
    void aSocketThatTheKubeletWouldNotFindIsRefused() throws Exception {
        var driver = serve("driver", "--endpoint=unix://" + folder.resolve("csi.sock"));
        assertThat(driver.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(driver.exitValue()).isEqualTo(1);
        assertThat(log("driver")).contains("the kubelet would not find the socket " + folder);
    }

    @Test
    void aKubeletThatIsNotThereIsNotMade() {
        var elsewhere = folder.resolve("elsewhere");
        assertThatThrownBy(() -> new KubeletFolder(elsewhere).makeFolderOf(DRIVER))
                .hasMessageContaining("there is no folder " + elsewhere);
        assertThat(elsewhere).doesNotExist();
    }

    /// The kubelet asks for the topology only when it registers a driver: a node that starts before
    /// its shared disk is mounted would never get the pool's label.
    @Test
    @DisplayName("80: a shared pool that comes after the registration is told by a new one")
    void aSharedPoolThatComesLaterIsTold() throws Exception {
        yaml = "attach: true\npools: {far: {type: file, path: %s/far/pool, shared: true}}\n";
        serve("driver");
        awaitRegistrationSocket();
        assertThat(segments()).containsOnlyKeys("topology.csi.stowage.dev/node");
        var before = Files.getAttribute(registrationSocket(), "unix:ino");
        Files.createDirectory(folder.resolve("far"));
        Polling.await(
                "the driver is registered anew",
                LIMIT,
                () ->
                        Files.exists(registrationSocket())
                                && !Files.getAttribute(registrationSocket(), "unix:ino")
                                        .equals(before));
        assertThat(segments().keySet())
                .singleElement()
                .asString()
                .startsWith("topology.csi.stowage.dev/pool-");
    }

    private Map<String, String> segments() {
        try (var driver = new CsiClient(Path.of(info().getEndpoint()))) {
            return driver.node()
                    .nodeGetInfo(NodeGetInfoRequest.getDefaultInstance())
                    .getAccessibleTopology()
                    .getSegmentsMap();
        }
    }

    /// In a mount namespace of its own, where mounts reach others as they must on a node.
    private String yaml = "attach: false\npools: {ssd: {type: file, path: %s/ssd}}\n";

    private Process serve(String name, String... more) throws IOException {
        Files.writeString(
                folder.resolve("stowage.yaml"),
                ("driver: d.io\nstate: %s/state\n" + yaml).formatted(folder, folder));
        var command =
                new ArrayList<>(
                        List.of(
                                "unshare",
                                "--mount",
                                "--propagation=shared",
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "--enable-native-access=ALL-UNNAMED",
                                "--sun-misc-unsafe-memory-access=allow",
                                "-Dlogback.configurationFile="
                                        + Path.of("src/main/resources/logback.xml")
                                                .toAbsolutePath(),
                                "-cp",
                                System.getProperty("java.class.path"),
                                "dev.stowage.Main",
                                "serve",
                                "--config=" + folder.resolve("stowage.yaml"),
                                "--role=node",
                                "--node-id=n1",
                                "--kubelet-dir=" + kubelet(),
                                "--register"));
        command.addAll(List.of(more));
        var process =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve(name + ".log").toFile())
                        .start();
        started.add(process);
        return process;
    }

    private void awaitRegistrationSocket() throws Exception {
        Polling.await("the registration's socket", LIMIT, () -> Files.exists(registrationSocket()));
    }

    private PluginInfo info() {
        try (var driver = new CsiClient(registrationSocket())) {
            return driver.registration(LIMIT).getInfo(InfoRequest.getDefaultInstance());
        }
    }

    private void notify(RegistrationStatus status) {
        try (var driver = new CsiClient(registrationSocket())) {
            var _ = driver.registration(LIMIT).notifyRegistrationStatus(status);
        }
    }

    private Path kubelet() {
        return folder.resolve("k");
    }

    private Path registrationSocket() {
        return kubelet().resolve("plugins_registry/d.io-reg.sock");
    }

    private String log(String name) throws IOException {
        return Files.readString(folder.resolve(name + ".log"));
    }
}
