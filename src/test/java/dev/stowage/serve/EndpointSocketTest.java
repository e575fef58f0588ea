package dev.stowage.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.config.ConfigException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Failure case 52.
class EndpointSocketTest {
    @TempDir private Path folder;

    @Test
    void aSocketThatADeadDriverLeftIsCleared() throws IOException {
        var socket = EndpointSocket.of("unix://" + folder.resolve("csi.sock"));
        try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(socket.path()));
        }
        assertThat(socket.path()).exists();
        socket.makeFree();
        Files.createFile(socket.temporary());
        socket.publish();
        assertThat(socket.path()).exists();
    }

    /// The kubelet registers whatever socket appears in its folder of plugins.
    @Test
    void aSocketThatIsNotPublishedYetIsHidden() {
        var socket = EndpointSocket.of("unix://" + folder.resolve("csi.sock"));
        assertThat(socket.temporary().getFileName().toString()).startsWith(".");
        assertThat(socket.temporary().getParent()).isEqualTo(folder);
    }

    @Test
    void aSocketInUseIsLeftAlone() throws IOException {
        var socket = EndpointSocket.of("unix://" + folder.resolve("csi.sock"));
        try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(socket.path()));
            assertThatThrownBy(socket::makeFree).hasMessageContaining("another process serves on");
            assertThat(socket.path()).exists();
        }
    }

    @Test
    void anyOtherFileIsLeftAlone() throws IOException {
        var socket = EndpointSocket.of("unix://" + folder.resolve("csi.sock"));
        Files.writeString(socket.path(), "precious");
        assertThatThrownBy(socket::makeFree).hasMessageContaining("is not a socket");
        assertThat(socket.path()).hasContent("precious");
    }

    @Test
    void aLinkToASocketIsNotASocket() throws IOException {
        var socket = EndpointSocket.of("unix://" + folder.resolve("csi.sock"));
        Files.createSymbolicLink(socket.path(), folder.resolve("elsewhere"));
        assertThatThrownBy(socket::makeFree).hasMessageContaining("is not a socket");
    }

    @Test
    void nothingThereIsFree() {
        var socket = EndpointSocket.of(folder.resolve("csi.sock").toString());
        assertThatCode(socket::makeFree).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @ValueSource(strings = {"tcp://127.0.0.1:1", "unix://relative/csi.sock", ""})
    void anythingButAnAbsoluteUnixSocketIsRefused(String endpoint) {
        assertThatThrownBy(() -> EndpointSocket.of(endpoint))
                .hasMessageContaining("unix:///path/csi.sock");
    }

    /// Failure case 74.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "unix:///",
                "unix:///run/s/",
                "unix:///run/../csi.sock",
                "/run/a\nb",
                "/a\0b"
            })
    void whatNamesNoSocketOfItsOwnIsRefused(String endpoint) {
        assertThatThrownBy(() -> EndpointSocket.of(endpoint)).isInstanceOf(ConfigException.class);
    }

    /// Failure case 75.
    @Test
    void aMissingFolderIsNamedAndNotItsHiddenSocket() {
        var socket = EndpointSocket.of("unix://" + folder.resolve("none/csi.sock"));
        assertThatThrownBy(socket::makeFree)
                .hasMessageContaining("there is no folder " + folder.resolve("none"))
                .hasMessageContaining("choose another --endpoint")
                .hasMessageNotContaining(".csi.sock.new");
    }

    /// Failure case 75. To make the folder would fail.
    @ParameterizedTest
    @ValueSource(strings = {"nothing", "link"})
    void aFolderBehindALinkThatLeadsNowhereIsNamed(String to) throws IOException {
        var link = Files.createSymbolicLink(folder.resolve("link"), folder.resolve(to));
        for (var name : List.of("link/csi.sock", "link/sub/csi.sock")) {
            var socket = EndpointSocket.of("unix://" + folder.resolve(name));
            assertThatThrownBy(socket::makeFree)
                    .hasMessageContaining(link + " is a link that leads nowhere: let it lead")
                    .hasMessageContaining("choose another --endpoint");
        }
    }

    /// Failure case 75.
    @Test
    void aFileWhereTheFolderShouldBeIsNamed() throws IOException {
        var file = Files.createFile(folder.resolve("file"));
        var socket = EndpointSocket.of("unix://" + file.resolve("sub/csi.sock"));
        assertThatThrownBy(socket::makeFree)
                .hasMessageContaining(file + " is no folder: move it away");
    }

    @Test
    void aPathThatNoSocketCanHaveIsRefused() {
        assertThatThrownBy(() -> EndpointSocket.of("unix:///" + "x".repeat(120)))
                .hasMessageContaining("too long");
    }
}
