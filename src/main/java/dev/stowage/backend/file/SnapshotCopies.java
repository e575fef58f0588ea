package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_NOFOLLOW;
import static dev.stowage.linux.OpenFlags.O_RDWR;

import dev.stowage.linux.Fd;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.SnapshotId;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Copies the bytes of snapshots in the background, each on a thread of its own up to a limit, so
/// that one large volume does not hold up the others. What does not come to its end is taken up by
/// the next start.
final class SnapshotCopies implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SnapshotCopies.class);

    /// More would only make the disk seek.
    private static final int AT_ONCE = 8;

    private static final Duration ENDING = Duration.ofSeconds(10);

    private final PoolFolder pool;
    private final Durable durable;
    private final Map<SnapshotId, Job> jobs = new ConcurrentHashMap<>();
    private final ExecutorService threads;
    private volatile boolean closing;

    SnapshotCopies(OpenPool open) {
        this.pool = open.folder();
        this.durable = open.durable();
        var name = "stowage-copy-" + open.identity().name();
        this.threads =
                Executors.newFixedThreadPool(
                        AT_ONCE, Thread.ofPlatform().daemon().name(name).factory());
    }

    private static final class Job {
        private final CountDownLatch ended = new CountDownLatch(1);
        private volatile boolean stopped;
    }

    /// Whether the pool is about to close and copies must end.
    boolean closing() {
        return closing;
    }

    /// Begins the copy and closes the source when it has ended.
    ///
    /// @param copySource still, and so for as long as it is open
    /// @param modified when it was last written to
    void begin(Snapshot snapshot, ImageCopySource copySource, Instant modified) {
        var job = new Job();
        jobs.put(snapshot.id(), job);
        threads.execute(() -> run(snapshot, copySource, modified, job));
    }

    boolean underway(SnapshotId id) {
        return jobs.containsKey(id);
    }

    private void run(Snapshot snapshot, ImageCopySource copySource, Instant modified, Job job) {
        try (copySource) {
            copy(snapshot, copySource, modified, job);
        } catch (InterruptedIOException e) {
            LOG.info("snapshot {} is not whole: {}", snapshot.id(), e.getMessage());
        } catch (IOException | RuntimeException e) {
            LOG.error("snapshot {} could not be copied; a retry begins anew", snapshot.id(), e);
        } finally {
            jobs.remove(snapshot.id(), job);
            job.ended.countDown();
        }
    }

    private void copy(Snapshot snapshot, ImageCopySource copySource, Instant modified, Job job)
            throws IOException {
        var folder = pool.snapshot(snapshot.id());
        try (var from = CopyFilling.open(copySource);
                var to = Fd.open(folder.image(), O_RDWR | O_NOFOLLOW)) {
            ImageCopy.copy(
                    from,
                    to,
                    snapshot.sizeBytes(),
                    copySource.holesTold(),
                    _ -> closing || job.stopped);
            if (!copySource.modified().equals(modified)) {
                throw new IOException("its volume was written to while it was copied");
            }
            durable.syncNew(to);
        }
        durable.replace(folder.record(), SnapshotRecord.ready(StoredRecord.read(folder.record())));
    }

    /// Waits for the copy's end, if one is underway.
    void await(SnapshotId id, Duration atMost) {
        var job = jobs.get(id);
        if (job != null) {
            await(job, atMost);
        }
    }

    /// Ends the copy, if one is underway, and waits for that.
    void stop(SnapshotId id) {
        var job = jobs.get(id);
        if (job != null) {
            job.stopped = true;
            await(job, ENDING);
        }
    }

    private static void await(Job job, Duration atMost) {
        try {
            var _ = job.ended.await(atMost.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        closing = true;
        threads.shutdown();
        try {
            if (!threads.awaitTermination(ENDING.toMillis(), TimeUnit.MILLISECONDS)) {
                threads.shutdownNow();
            }
        } catch (InterruptedException e) {
            threads.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }
}
