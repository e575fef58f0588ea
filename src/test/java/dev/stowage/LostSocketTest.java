package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.GetPluginInfoRequest;
import dev.stowage.client.CsiClient;
import dev.stowage.linux.FileId;
import dev.stowage.linux.Linux;
import dev.stowage.serve.KubeletFolder;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Failure case 78: a driver whose sockets are removed or replaced while it runs.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class LostSocketTest {
    private static final Duration START = Duration.ofSeconds(60);

    /// Probes of the kubelet and a restart take 70 s.
    private static final Duration SOON = Duration.ofSeconds(20);

    @TempDir(factory = TestFolder.class)
    private Path folder;

    private @Nullable Process process;

    @BeforeEach
    void makeTheKubeletsFolder() throws IOException {
        Files.createDirectories(kubelet().registry());
    }

    @AfterEach
    void end() throws InterruptedException {
        if (process != null) {
            process.destroyForcibly().waitFor();
        }
    }

    @Test
    void aRemovedPluginFolderIsMadeAgainAndServedIn() throws Exception {
        var driver = registered();
        var before = Linux.lstat(socket()).id();
        Files.delete(socket());
        Files.delete(socket().getParent());
        awaitAnswerFromAnother(before);
        assertThat(driver.isAlive()).isTrue();
        assertThat(log()).contains(socket() + " was removed or replaced: serving there anew");
    }

    @Test
    void aMovedPluginFolderIsMadeAgainAndServedIn() throws Exception {
        var driver = registered();
        var before = Linux.lstat(socket()).id();
        Files.move(socket().getParent(), folder.resolve("moved"));
        awaitAnswerFromAnother(before);
        assertThat(driver.isAlive()).isTrue();
    }

    @Test
    void aRemovedSocketIsServedAnewAsOftenAsItIsRemoved() throws Exception {
        var driver = registered();
        for (var i = 0; i < 3; i++) {
            var before = Linux.lstat(socket()).id();
            Files.delete(socket());
            awaitAnswerFromAnother(before);
        }
        assertThat(driver.isAlive()).isTrue();
        driver.destroy();
        assertThat(driver.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(socket()).doesNotExist();
    }

    /// As a driver leaves it that was killed.
    @Test
    void aSocketThatNobodyAnswersOnIsReplaced() throws Exception {
        var driver = registered();
        Files.delete(socket());
        try (var dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            dead.bind(UnixDomainSocketAddress.of(socket()));
        }
        awaitAnswerFromAnother(Linux.lstat(socket()).id());
        assertThat(driver.isAlive()).isTrue();
    }

    /// Failure case 52.
    @Test
    void anotherServersSocketIsNeitherTakenOverNorRemoved() throws Exception {
        var driver = registered();
        Files.delete(socket());
        try (var other = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            other.bind(UnixDomainSocketAddress.of(socket()));
            var others = Linux.lstat(socket()).id();
            assertThat(driver.waitFor(START.toSeconds(), TimeUnit.SECONDS)).isTrue();
            assertThat(driver.exitValue()).isEqualTo(1);
            assertThat(Linux.lstat(socket()).id()).isEqualTo(others);
        }
        assertThat(log()).contains("ERROR", "another process serves on " + socket());
        assertThat(registrationSocket()).doesNotExist();
    }

    /// SIGTERM comes before the driver has noticed.
    @Test
    void aDriverThatEndsLeavesAnothersSocket() throws Exception {
        var driver = registered();
        try (var other = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            Files.delete(socket());
            other.bind(UnixDomainSocketAddress.of(socket()));
            driver.destroy();
            assertThat(driver.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(socket()).exists();
        }
    }

    /// A folder that a person chose is not the driver's to make.
    @Test
    void aDriverWhoseChosenFolderIsRemovedEndsAndSaysWhy() throws Exception {
        var chosen = Files.createDirectory(folder.resolve("c"));
        var driver = serve("--endpoint=unix://" + chosen.resolve("csi.sock"));
        Polling.await("the socket", START, () -> Files.exists(chosen.resolve("csi.sock")));
        Files.delete(chosen.resolve("csi.sock"));
        Files.delete(chosen);
        assertThat(driver.waitFor(START.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(driver.exitValue()).isEqualTo(1);
        assertThat(log()).contains("ERROR", "there is no folder " + chosen);
    }

    @Test
    void aDriverWhoseFolderCanNotBeMadeAgainEndsAndSaysWhy() throws Exception {
        var driver = registered();
        var plugins = kubelet().path().resolve("plugins");
        Files.move(plugins, folder.resolve("moved"));
        Files.createFile(plugins);
        assertThat(driver.waitFor(START.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(driver.exitValue()).isEqualTo(1);
        assertThat(log())
                .contains(
                        "can't make the folder %s/d.io for the driver's socket: Not a directory; move away"
                                .formatted(plugins));
    }

    /// It can't even be looked up: ELOOP.
    @Test
    void aFolderThatBecameALinkToItselfIsALostSocket() throws Exception {
        var chosen = Files.createDirectory(folder.resolve("c"));
        var driver = serve("--endpoint=unix://" + chosen.resolve("csi.sock"));
        Polling.await("the socket", START, () -> Files.exists(chosen.resolve("csi.sock")));
        Files.move(chosen, folder.resolve("moved"));
        Files.createSymbolicLink(chosen, chosen);
        assertThat(driver.waitFor(START.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(log()).contains(chosen + " is a link that leads nowhere");
    }

    @Test
    void aRemovedRegistrationIsMadeAgain() throws Exception {
        var driver = registered();
        var before = Linux.lstat(registrationSocket()).id();
        Files.delete(registrationSocket());
        awaitAnother(registrationSocket(), before);
        assertThat(driver.isAlive()).isTrue();
    }

    @Test
    void aKubeletWhoseFolderWasWipedIsToldAgainOnceItHasMadeIt() throws Exception {
        var driver = registered();
        var before = Linux.lstat(registrationSocket()).id();
        var driversOwn = Linux.lstat(socket()).id();
        Files.delete(registrationSocket());
        Files.delete(kubelet().registry());
        Files.delete(socket());
        Files.delete(socket().getParent());
        Files.delete(kubelet().path().resolve("plugins"));
        awaitAnswerFromAnother(driversOwn);
        assertThat(kubelet().registry()).doesNotExist();
        Files.createDirectory(kubelet().registry());
        awaitAnother(registrationSocket(), before);
        assertThat(driver.isAlive()).isTrue();
    }

    private void awaitAnswerFromAnother(FileId before) throws Exception {
        awaitAnother(socket(), before);
        try (var client = new CsiClient(socket())) {
            var info = GetPluginInfoRequest.getDefaultInstance();
            assertThat(client.identity().getPluginInfo(info).getName()).isEqualTo("d.io");
        } catch (StatusRuntimeException e) {
            throw new AssertionError(log(), e);
        }
    }

    private void awaitAnother(Path socket, FileId before) throws Exception {
        Polling.await(
                "another socket at " + socket,
                SOON,
                () -> {
                    var now = Linux.lstatIfExists(socket);
                    return now.isPresent() && !now.get().id().equals(before);
                });
    }

    private Process registered() throws Exception {
        var driver = serve("--register");
        Polling.await("the registration", START, () -> Files.exists(registrationSocket()));
        return driver;
    }

    /// In a mount namespace of its own, where mounts reach others as they must on a node.
    private Process serve(String option) throws IOException {
        Files.writeString(
                folder.resolve("stowage.yaml"),
                "driver: d.io\nattach: false\nstate: %1$s/state\npools: {ssd: {type: file, path: %1$s/ssd}}\n"
                        .formatted(folder));
        var command =
                new ArrayList<>(
                        List.of(
                                "unshare",
                                "--mount",
                                "--propagation=shared",
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "--enable-native-access=ALL-UNNAMED",
                                "--sun-misc-unsafe-memory-access=allow",
                                "-XX:TieredStopAtLevel=1",
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
                                "--kubelet-dir=" + kubelet().path(),
                                option));
        var started =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("log").toFile())
                        .start();
        process = started;
        return started;
    }

    private String log() throws IOException {
        return Files.readString(folder.resolve("log"));
    }

    private KubeletFolder kubelet() {
        return new KubeletFolder(folder.resolve("k"));
    }

    private Path socket() {
        return kubelet().socketOf("d.io");
    }

    private Path registrationSocket() {
        return kubelet().registrationSocketOf("d.io");
    }
}
