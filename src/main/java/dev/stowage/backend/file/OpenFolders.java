package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_DIRECTORY;
import static dev.stowage.linux.OpenFlags.O_NOFOLLOW;

import dev.stowage.linux.Fd;
import java.io.IOException;

/// The folders that every create and delete syncs, held open for the pool's life.
record OpenFolders(Fd incoming, Fd volumes, Fd trash) implements AutoCloseable {
    static OpenFolders of(PoolFolder pool) throws IOException {
        try (var root = Fd.open(pool.root(), O_DIRECTORY)) {
            var incoming = open(root, PoolFolder.INCOMING);
            try {
                var volumes = open(root, PoolFolder.VOLUMES);
                try {
                    return new OpenFolders(incoming, volumes, open(root, PoolFolder.TRASH));
                } catch (IOException e) {
                    volumes.close();
                    throw e;
                }
            } catch (IOException e) {
                incoming.close();
                throw e;
            }
        }
    }

    private static Fd open(Fd root, String name) throws IOException {
        return root.openAt(name, O_DIRECTORY | O_NOFOLLOW, 0);
    }

    @Override
    public void close() {
        incoming.close();
        volumes.close();
        trash.close();
    }
}
