package dev.stowage.testing;

import java.io.IOException;
import java.nio.file.Path;

/// Disks for two pools of a node: `shares` on XFS clones blocks, `copies` on ext4 copies bytes.
public record TwoPools(LoopFileSystem shares, LoopFileSystem copies) implements AutoCloseable {
    private static final long MIB = 1 << 20;

    public static TwoPools make(Path folder) throws IOException {
        var shares = LoopFileSystem.make(folder, LoopFileSystem.Kind.XFS, 4096 * MIB);
        try {
            var copies = LoopFileSystem.make(folder, LoopFileSystem.Kind.EXT4, 1024 * MIB);
            return new TwoPools(shares, copies);
        } catch (IOException e) {
            shares.close();
            throw e;
        }
    }

    /// The configuration but `state`.
    public String yaml() {
        return """
        attach: false
        defaultPool: shares
        pools:
          shares: {type: file, path: %s}
          copies: {type: file, path: %s}
        """
                .formatted(folder("shares"), folder("copies"));
    }

    public Path folder(String pool) {
        return (pool.equals("shares") ? shares : copies).mountPoint().resolve("pool");
    }

    @Override
    public void close() throws IOException {
        try {
            shares.close();
        } finally {
            copies.close();
        }
    }
}
