package dev.stowage.serve;

import dev.stowage.config.AbsolutePath;
import dev.stowage.config.ConfigException;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.FileId;
import dev.stowage.linux.Linux;
import dev.stowage.linux.Stat;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The socket file of an endpoint `unix:///path`. It is bound under another name and then renamed,
/// so that nobody meets it half-made or with the wrong mode. That name begins with a dot: the
/// kubelet takes any other socket in its folder of plugins for one.
///
/// @param path where callers find it
/// @param temporary where it is bound
/// @param remedy what a person can do if the place is taken
record EndpointSocket(Path path, Path temporary, String remedy) {
    private static final Logger LOG = LoggerFactory.getLogger(EndpointSocket.class);
    private static final String SCHEME = "unix://";

    /// sun_path of sockaddr_un has 108 bytes (unix(7)), one of them for the end.
    private static final int MAX_PATH = 107;

    private static final String TEMPORARY = ".%s.new";

    /// @param endpoint `unix:///path` or a plain absolute path
    static EndpointSocket of(String endpoint) {
        var text = endpoint.startsWith(SCHEME) ? endpoint.substring(SCHEME.length()) : endpoint;
        if (!text.startsWith("/")) {
            throw new ConfigException(
                    "endpoint '%s' is not an absolute unix socket: use unix:///path/csi.sock"
                            .formatted(endpoint));
        }
        if (text.endsWith("/")) {
            throw new ConfigException(
                    "endpoint '%s' is a folder: name a socket in it, as in %scsi.sock"
                            .formatted(endpoint, endpoint));
        }
        return at(AbsolutePath.parse("--endpoint", text), "choose another --endpoint");
    }

    static EndpointSocket at(Path path, String remedy) {
        var temporary = path.resolveSibling(TEMPORARY.formatted(path.getFileName()));
        if (bytes(temporary) > MAX_PATH) {
            throw new ConfigException(
                    "'%s' is too long for a unix socket: use at most %d bytes"
                            .formatted(path, MAX_PATH - (bytes(temporary) - bytes(path))));
        }
        return new EndpointSocket(path, temporary, remedy);
    }

    private static int bytes(Path path) {
        return path.toString().getBytes(StandardCharsets.UTF_8).length;
    }

    /// Clears a socket that a dead driver left. One that somebody answers on stays, and so does any
    /// other file.
    void makeFree() throws IOException {
        requireFolder();
        refuseOther(path);
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS) && answers()) {
            throw new IOException(
                    "another process serves on %s: stop it, or %s".formatted(path, remedy));
        }
        refuseOther(temporary);
        Files.deleteIfExists(temporary);
    }

    private void requireFolder() throws IOException {
        var folder = path.getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            throw new IOException(
                    "there is no folder %s for the socket %s: %s, or %s"
                            .formatted(folder, path.getFileName(), obstacle(folder), remedy));
        }
    }

    /// What is in the way of the folder, or above it, and what to do.
    private static String obstacle(@Nullable Path folder) {
        for (var at = folder; at != null; at = at.getParent()) {
            if (Files.isSymbolicLink(at) && !Files.exists(at)) {
                return "%s is a link that leads nowhere: let it lead to a folder".formatted(at);
            }
            if (Files.exists(at)) {
                return Files.isDirectory(at)
                        ? "make it"
                        : "%s is no folder: move it away".formatted(at);
            }
        }
        return "make it";
    }

    /// Gives the socket its name. Answers which file it is: while its server listens no other file
    /// gets its number.
    FileId publish() throws IOException {
        var made = Linux.lstat(temporary).id();
        Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE);
        return made;
    }

    /// In words, why the socket could not be made: gRPC names the hidden one.
    IOException notMade(IOException failure) {
        Throwable cause = failure;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return new IOException(
                "can't make the socket %s: %s; let the driver write into its folder, or %s"
                        .formatted(path, cause.getMessage(), remedy),
                failure);
    }

    /// Whether the name leads to this file. One that can't be looked up, as where a folder above
    /// became a link to itself, leads no caller here either.
    boolean leadsTo(FileId file) {
        try {
            return Linux.lstatIfExists(path).map(Stat::id).filter(file::equals).isPresent();
        } catch (ErrnoException e) {
            LOG.debug("the socket {} can't be looked up", path, e);
            return false;
        }
    }

    /// Removes the name if it leads to this file, and leaves that of another server.
    void remove(FileId file) {
        try {
            if (leadsTo(file)) {
                Files.deleteIfExists(path);
            }
        } catch (IOException e) {
            LOG.warn("the socket {} stays behind: {}", path, e.getMessage());
        }
    }

    private void refuseOther(Path file) throws IOException {
        if (Files.exists(file, LinkOption.NOFOLLOW_LINKS) && !isSocket(file)) {
            throw new IOException(
                    "%s is there and is not a socket: move it away, or %s".formatted(file, remedy));
        }
    }

    private static boolean isSocket(Path file) throws IOException {
        var mode = (int) Files.getAttribute(file, "unix:mode", LinkOption.NOFOLLOW_LINKS);
        return (mode & 0170000) == 0140000; // S_IFMT, S_IFSOCK (sys/stat.h)
    }

    private boolean answers() {
        try (var channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            return channel.connect(UnixDomainSocketAddress.of(path));
        } catch (IOException e) {
            return false;
        }
    }
}
