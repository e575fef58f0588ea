package dev.stowage;

import dev.stowage.volume.Backend;
import dev.stowage.volume.KnownNodes;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.PoolSource;
import java.io.IOException;
import java.util.Optional;

/// Opens a pool and makes this node known to it, so that volumes can be attached here.
///
/// @param maxVolumes how many, at most
record AnnouncedPool(PoolSource source, NodeId node, int maxVolumes) implements PoolSource {
    @Override
    public Optional<String> knownTag() {
        return source.knownTag();
    }

    @Override
    public boolean gives(Class<?> power) {
        return source.gives(power);
    }

    @Override
    public Backend open() throws IOException {
        var backend = source.open();
        if (backend instanceof KnownNodes nodes) {
            try {
                nodes.announce(node, maxVolumes);
            } catch (IOException | RuntimeException e) {
                backend.close();
                throw e;
            }
        }
        return backend;
    }
}
