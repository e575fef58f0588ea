package dev.stowage.spi;

import dev.stowage.volume.PoolId;
import java.util.UUID;

final class MemoryBackendTest extends ChangedBlocksContract {
    private final MemoryBackend backend =
            new MemoryBackend(new PoolId("memory", UUID.randomUUID()), true, 1L << 30);

    @Override
    protected Backend backend() {
        return backend;
    }
}
