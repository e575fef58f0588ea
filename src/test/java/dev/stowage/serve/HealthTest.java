package dev.stowage.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.config.ConfigFile;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.NodeId;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// /healthz and /readyz, asked over HTTP.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class HealthTest {
    @TempDir(factory = TestFolder.class)
    private Path folder;

    private final HttpClient client = HttpClient.newHttpClient();
    private @Nullable Serving serving;

    @AfterEach
    void end() throws InterruptedException {
        client.close();
        if (serving != null) {
            serving.stop(Duration.ofSeconds(5));
        }
    }

    /// Failure cases 33 and 56.
    @Test
    void aSickPoolIsShownWithItsReasonAndFailsNothing() throws Exception {
        serve(Optional.empty());
        assertThat(get("/healthz").statusCode()).isEqualTo(200);
        var ready = get("/readyz");
        assertThat(ready.statusCode()).isEqualTo(200);
        assertThat(ready.body().lines())
                .satisfiesExactly(
                        line -> assertThat(line).isEqualTo("ready"),
                        line ->
                                assertThat(line)
                                        .startsWith("hdd unavailable: ")
                                        .contains(folder.resolve("hdd").toString()),
                        line -> assertThat(line).isEqualTo("ssd ok"));
    }

    /// Its pods would write into folders where their volumes should be. A restart helps nobody.
    @Test
    void aNodeThatCanNotWorkIsNotReadyNorRegisteredAndSaysWhy() throws Exception {
        serve(Optional.of(folder.resolve("not-mounted")));
        assertThat(get("/healthz").statusCode()).isEqualTo(200);
        var ready = get("/readyz");
        assertThat(ready.statusCode()).isEqualTo(503);
        assertThat(ready.body())
                .startsWith(
                        "not ready\nnode: The kubelet's folder %s/not-mounted".formatted(folder))
                .contains("\nssd ok\n");
        assertThat(registrationSocket()).doesNotExist();
    }

    @Test
    void aDriverWhoseSocketIsGoneIsNotAlive() throws Exception {
        serve(Optional.empty());
        Files.delete(socket());
        Files.createFile(socket());
        var health = get("/healthz");
        assertThat(health.statusCode()).isEqualTo(503);
        assertThat(health.body()).contains("no answer on " + socket());
    }

    @Test
    void aSocketWithoutAnAnswerIsOneSentence() throws Exception {
        serve(Optional.empty());
        Files.delete(socket());
        assertThat(new SelfProbe(socket(), Optional.empty()).complaint().orElseThrow())
                .startsWith("no answer on " + socket() + ": UNAVAILABLE: ")
                .contains("No such file or directory")
                .doesNotContain("\n", "\tat ");
    }

    @Test
    void aDriverWhoseRegistrationIsGoneIsNotAlive() throws Exception {
        serve(Optional.empty());
        Files.delete(registrationSocket());
        Files.createFile(registrationSocket());
        var health = get("/healthz");
        assertThat(health.statusCode()).isEqualTo(503);
        assertThat(health.body()).contains("no answer on " + registrationSocket());
    }

    /// Failure case 78. Only the kubelet makes its folder; a restart of the driver would not.
    @Test
    void aRegistrationThatWaitsForTheKubeletIsNotReadyButAlive() throws Exception {
        serve(Optional.empty());
        Files.delete(registrationSocket());
        Files.delete(kubelet().registry());
        assertThat(get("/healthz").statusCode()).isEqualTo(200);
        var ready = get("/readyz");
        assertThat(ready.statusCode()).isEqualTo(503);
        assertThat(ready.body()).contains("node: the folder " + kubelet().registry());
    }

    @Test
    void callersThatSendHalfARequestHoldUpNobody() throws Exception {
        serve(Optional.empty());
        var slow = new ArrayList<Socket>();
        try {
            for (var i = 0; i < 100; i++) {
                var socket = new Socket(InetAddress.getLoopbackAddress(), address().getPort());
                slow.add(socket);
                socket.getOutputStream()
                        .write("GET /healthz HT".getBytes(StandardCharsets.US_ASCII));
            }
            assertThat(get("/healthz").statusCode()).isEqualTo(200);
        } finally {
            for (var socket : slow) {
                socket.close();
            }
        }
    }

    @Test
    void thereIsNothingElse() throws Exception {
        serve(Optional.empty());
        assertThat(get("/").statusCode()).isEqualTo(404);
        assertThat(get("/healthz/more").statusCode()).isEqualTo(404);
        var post =
                HttpRequest.newBuilder(uri("/readyz"))
                        .POST(HttpRequest.BodyPublishers.noBody())
                        .build();
        assertThat(client.send(post, HttpResponse.BodyHandlers.discarding()).statusCode())
                .isEqualTo(405);
    }

    @Test
    void anAddressInUseIsNamed() throws Exception {
        serve(Optional.empty());
        assertThatThrownBy(
                        () ->
                                HealthPages.serve(
                                        address(),
                                        () -> new HealthPages.Page(true, ""),
                                        () -> new HealthPages.Page(true, "")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(Integer.toString(address().getPort()))
                .hasMessageContaining("--http");
    }

    /// @param examined the kubelet's folder as the driver's self-test sees it
    private void serve(Optional<Path> examined) throws IOException {
        Files.createDirectories(kubelet().path().resolve("plugins_registry"));
        kubelet().makeFolderOf("d.io");
        Files.createDirectory(folder.resolve("hdd"));
        var config =
                ConfigFile.read(
                        Files.writeString(
                                folder.resolve("stowage.yaml"),
                                """
                                driver: d.io
                                attach: false
                                state: %1$s/state
                                defaultPool: ssd
                                pools:
                                  ssd: {type: file, path: %1$s/ssd}
                                  hdd: {type: file, path: %1$s/hdd, requireMount: true}
                                """
                                        .formatted(folder)));
        var options =
                new Driver.Options("unix://" + socket(), Role.NODE, NodeId.of("n1"), examined);
        serving =
                new Serving(
                        config,
                        options,
                        Optional.of(kubelet()),
                        Optional.empty(),
                        Optional.of(ListenAddress.parse("127.0.0.1:0")));
        serving.start();
    }

    private HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return client.send(
                HttpRequest.newBuilder(uri(path)).build(), HttpResponse.BodyHandlers.ofString());
    }

    private URI uri(String path) {
        return URI.create("http://127.0.0.1:%d%s".formatted(address().getPort(), path));
    }

    private InetSocketAddress address() {
        return java.util.Objects.requireNonNull(serving).httpAddress().orElseThrow();
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
