package dev.stowage.backend.file;

import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Whether the pool may still be changed. An fsync that failed may have lost what was written, and
/// the next one would not say so again: from then on nothing is promised until the driver starts
/// anew and looks at the disk.
final class Sickness {
    private static final Logger LOG = LoggerFactory.getLogger(Sickness.class);

    private final AtomicReference<Optional<String>> reason =
            new AtomicReference<>(Optional.empty());

    Optional<String> reason() {
        return reason.get();
    }

    /// The first reason stays.
    void declare(IOException failed) {
        var words =
                "what was written may not be on disk (%s): check the disk and its file system, then restart the driver"
                        .formatted(failed.getMessage());
        if (reason.compareAndSet(Optional.empty(), Optional.of(words))) {
            LOG.error("pool is sick: {}", words, failed);
        }
    }

    void refuseIfSick() {
        reason.get()
                .ifPresent(
                        words -> {
                            throw new VolumeException(Reason.UNAVAILABLE, words);
                        });
    }
}
