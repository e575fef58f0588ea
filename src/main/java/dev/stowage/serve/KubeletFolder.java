package dev.stowage.serve;

import dev.stowage.config.ConfigException;
import dev.stowage.linux.IoReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// The kubelet's folder, /var/lib/kubelet unless somebody moved it. A container has it at the path
/// at which the host has it, because the kubelet names targets by that.
public record KubeletFolder(Path path) {
    /// Where a driver's own socket is by custom.
    public Path socketOf(String driver) {
        return folderOf(driver).resolve("csi.sock");
    }

    /// Where the kubelet finds who wants to be registered.
    public Path registrationSocketOf(String driver) {
        return registry().resolve(driver + "-reg.sock");
    }

    /// The folder that the kubelet watches, and makes when it starts.
    public Path registry() {
        return path.resolve("plugins_registry");
    }

    /// Makes the folder of the driver's socket, but none where the kubelet has none.
    public void makeFolderOf(String driver) throws IOException {
        if (!Files.isDirectory(path)) {
            throw new ConfigException(
                    "there is no folder %s: let --kubelet-dir name the kubelet's folder, and mount it into the container at the same path"
                            .formatted(path));
        }
        var folder = folderOf(driver);
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new IOException(
                    "can't make the folder %s for the driver's socket: %s; move away what is in its place, and let the driver write into %s"
                            .formatted(folder, IoReason.of(e), path),
                    e);
        }
    }

    private Path folderOf(String driver) {
        return path.resolve("plugins").resolve(driver);
    }

    /// The kubelet reaches a socket only if it is at the same path for it.
    void requireInside(Path socket) {
        if (!socket.normalize().startsWith(path.normalize())) {
            throw new ConfigException(
                    "the kubelet would not find the socket %s: with --register leave out --endpoint, or choose one below %s"
                            .formatted(socket, path));
        }
    }
}
