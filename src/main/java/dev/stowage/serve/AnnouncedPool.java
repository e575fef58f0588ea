package dev.stowage.serve;

import dev.stowage.spi.Backend;
import dev.stowage.spi.KnownNodes;
import dev.stowage.spi.PoolSource;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Opens a pool and makes this node known to it, so that volumes can be attached here. A pool that
/// has no room for that, or can't be written, is open all the same: it is tried again later.
///
/// @param maxVolumes how many, at most
record AnnouncedPool(PoolSource source, NodeId node, int maxVolumes) implements PoolSource {
    private static final Logger LOG = LoggerFactory.getLogger(AnnouncedPool.class);

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
        try {
            announce(backend, node, maxVolumes)
                    .ifPresent(
                            why ->
                                    LOG.warn(
                                            "node {} is not made known in pool {} now: {}",
                                            node,
                                            backend.pool().name(),
                                            why));
        } catch (IOException | RuntimeException e) {
            backend.close();
            throw e;
        }
        return backend;
    }

    /// Makes the node known, if it is not.
    ///
    /// @return why that can't be done at present, if it can't
    static Optional<String> announce(Backend open, NodeId node, int maxVolumes) throws IOException {
        try {
            if (open instanceof KnownNodes nodes) {
                nodes.announce(node, maxVolumes);
            }
            return Optional.empty();
        } catch (VolumeException e) {
            if (e.reason() == Reason.NO_SPACE || e.reason() == Reason.UNAVAILABLE) {
                return Optional.of(e.getMessage());
            }
            throw e;
        }
    }
}
