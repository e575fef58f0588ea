package dev.stowage.backend.file;

import dev.stowage.linux.ErrnoException;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Finds out what the pool's file system can do: when the pool is opened, or later where there was
/// no room for that. Until then what only reads expects the least of it, and what makes something
/// is refused.
final class FileSystemTrial {
    private static final Logger LOG = LoggerFactory.getLogger(FileSystemTrial.class);
    private static final Duration BETWEEN_TRIES = Duration.ofSeconds(5);

    private final PoolFolder pool;
    private final Nonces nonces;
    private Optional<ExtentProbe> found = Optional.empty();
    private long triedNanos;

    private FileSystemTrial(PoolFolder pool, Nonces nonces) {
        this.pool = pool;
        this.nonces = nonces;
        this.triedNanos = System.nanoTime();
    }

    /// @param readOnly the pool's disk can't be written at present
    static FileSystemTrial of(PoolFolder pool, Nonces nonces, boolean readOnly) throws IOException {
        var trial = new FileSystemTrial(pool, nonces);
        if (readOnly) {
            return trial;
        }
        try {
            var _ = trial.require();
        } catch (ErrnoException e) {
            if (!Durable.comesLater(e)) {
                throw e;
            }
        }
        return trial;
    }

    /// What is known, and the least where nothing is.
    synchronized ExtentProbe result() {
        if (found.isEmpty() && System.nanoTime() - triedNanos >= BETWEEN_TRIES.toNanos()) {
            try {
                return require();
            } catch (IOException e) {
                LOG.debug("what the file system of {} can do is not known yet", pool.root(), e);
            }
        }
        return found.orElse(ExtentProbe.LEAST);
    }

    /// Whether images may share blocks.
    synchronized boolean mayShare() {
        return found.map(ExtentProbe::reflinks).orElse(true);
    }

    synchronized boolean known() {
        return found.isPresent();
    }

    /// What is known; tries it out if nothing is.
    synchronized ExtentProbe require() throws IOException {
        if (found.isEmpty()) {
            triedNanos = System.nanoTime();
            found = Optional.of(ExtentProbe.run(pool, nonces));
        }
        return found.get();
    }
}
