package dev.stowage.backend.file;

import dev.stowage.volume.NodeId;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// A pool's folder and a driver's state folder, opened as often as a test likes and closed at its
/// end.
final class TestPool implements AutoCloseable {
    static final NodeId NODE = new NodeId("node.a");

    private final Path path;
    private final Path state;
    private final boolean shared;
    private final List<FileBackend> opened = new ArrayList<>();

    /// @param path the pool's folder, which need not exist
    /// @param state the driver's folder
    TestPool(Path path, Path state, boolean shared) {
        this.path = path;
        this.state = state;
        this.shared = shared;
    }

    static TestPool in(Path folder) {
        return new TestPool(folder.resolve("pool"), folder.resolve("state"), false);
    }

    static TestPool sharedIn(Path folder) {
        return new TestPool(folder.resolve("pool"), folder.resolve("state"), true);
    }

    FilePoolSettings settings() {
        return settings("test", 1.0);
    }

    /// Ephemeral, because the machine's temporary folder may be a tmpfs.
    FilePoolSettings settings(String name, double overcommit) {
        return new FilePoolSettings(name, path, overcommit, false, shared, true);
    }

    PoolFolder folder() {
        return new PoolFolder(path);
    }

    Path state() {
        return state;
    }

    FileBackend open() throws IOException {
        return open(settings(), NODE);
    }

    FileBackend open(FilePoolSettings settings, NodeId node) throws IOException {
        var source =
                new FilePoolSource(
                        settings, new SeenPools(state), node, new FolderClaims(Map.of()));
        var backend = (FileBackend) source.open();
        opened.add(backend);
        return backend;
    }

    /// Closed, as at the end of a driver, and opened again, as at the next one's start.
    FileBackend reopen() throws IOException {
        closeAll();
        return open();
    }

    void closeAll() {
        opened.forEach(FileBackend::close);
        opened.clear();
    }

    VolumeFolder volume(FileBackend backend, String name) {
        return folder().volume(VolumeId.of(backend.pool(), name));
    }

    PoolId identity() throws IOException {
        return PoolIdentity.read(folder()).orElseThrow();
    }

    @Override
    public void close() throws IOException {
        closeAll();
        if (Files.exists(path)) {
            FolderTree.erase(path);
        }
    }
}
