package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_DIRECTORY;
import static dev.stowage.linux.OpenFlags.O_NOFOLLOW;

import dev.stowage.linux.Fd;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/// The folders that every create and delete syncs, held open for the pool's life.
record OpenFolders(Fd incoming, Fd volumes, Fd snapshots, Fd trash) implements AutoCloseable {
    static OpenFolders of(PoolFolder pool) throws IOException {
        var opened = new ArrayList<Fd>();
        try (var root = Fd.open(pool.root(), O_DIRECTORY)) {
            for (var name :
                    List.of(
                            PoolFolder.INCOMING,
                            PoolFolder.VOLUMES,
                            PoolFolder.SNAPSHOTS,
                            PoolFolder.TRASH)) {
                opened.add(root.openAt(name, O_DIRECTORY | O_NOFOLLOW, 0));
            }
            return new OpenFolders(opened.get(0), opened.get(1), opened.get(2), opened.get(3));
        } catch (IOException e) {
            opened.forEach(Fd::close);
            throw e;
        }
    }

    @Override
    public void close() {
        incoming.close();
        volumes.close();
        snapshots.close();
        trash.close();
    }
}
