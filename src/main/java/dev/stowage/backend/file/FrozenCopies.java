package dev.stowage.backend.file;

import dev.stowage.linux.Fd;
import dev.stowage.spi.FreezePermit;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/// Copies volumes in use, each frozen for as long as its copy takes. That is in vain where time
/// does not suffice, and whoever asked asks again whatever the error (the snapshotter does, for
/// ever): so a volume is frozen once for each snapshot, unless it may be frozen for longer.
final class FrozenCopies {
    /// How long one waits for its turn.
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    /// More snapshots than that are not asked for in vain at the same time.
    private static final int REMEMBERED = 1000;

    private final NodeId own;
    private final BooleanSupplier closing;

    /// They share a disk: of two at once each would stand still for twice as long.
    private final Semaphore turn = new Semaphore(1);

    private final Map<SnapshotId, Failure> failures =
            new LinkedHashMap<>() {
                private static final long serialVersionUID = 1;

                @Override
                protected boolean removeEldestEntry(Map.Entry<SnapshotId, Failure> eldest) {
                    return size() > REMEMBERED;
                }
            };

    /// @param closing whether copies are to end because the pool closes
    FrozenCopies(OpenPool open, BooleanSupplier closing) {
        this.own = open.nonces().instance().node();
        this.closing = closing;
    }

    private record Failure(Duration atMost, String words) {}

    /// The volume, copied into the image. Empty if nobody uses it, and so it is until `copySource`
    /// is closed.
    Optional<SnapshotBuilder.Cut> cut(
            SnapshotBuilder.Wanted wanted,
            ImageCopySource copySource,
            Fd image,
            FreezePermit permit)
            throws IOException {
        copySource.keepOthersOut();
        if (copySource.usedHere(own, "snapshot " + wanted.id()).isEmpty()) {
            return Optional.empty();
        }
        requireWorthIt(wanted.id(), permit);
        takeTurn(wanted);
        try (var from = CopyFilling.open(copySource)) {
            image.truncate(0);
            Filling.size(image, wanted.source().provisioning(), copySource.sizeBytes());
            return Optional.of(frozen(wanted, copySource, from, image, permit));
        } finally {
            turn.release();
        }
    }

    private synchronized void requireWorthIt(SnapshotId id, FreezePermit permit) {
        var before = failures.get(id);
        if (before != null && permit.atMost().compareTo(before.atMost()) <= 0) {
            throw new VolumeException(Reason.FAILED_PRECONDITION, before.words());
        }
    }

    private void takeTurn(SnapshotBuilder.Wanted wanted) throws InterruptedIOException {
        try {
            if (turn.tryAcquire(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
                return;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("the wait for another copy was interrupted");
        }
        throw new VolumeException(
                Reason.BUSY,
                "another volume of the pool is frozen while it is copied, and volume %s is not before that is over: each would stand still for longer; retry"
                        .formatted(wanted.source().id()));
    }

    private SnapshotBuilder.Cut frozen(
            SnapshotBuilder.Wanted wanted,
            ImageCopySource copySource,
            Fd from,
            Fd image,
            FreezePermit permit)
            throws IOException {
        var volume = wanted.source().id();
        var format = copySource.format();
        try (var frozen = permit.freezer().freeze(List.of(volume), permit.atMost())) {
            var copy = new FrozenCopy(volume, permit.atMost(), closing);
            try {
                var at = Instant.now();
                copy.run(from, image, copySource, frozen);
                if (!copySource.format().equals(format)) {
                    throw new VolumeException(Reason.BUSY, "the volume was formatted meanwhile");
                }
                return new SnapshotBuilder.Cut(
                        at, format, copySource.sizeBytes(), false, Optional.empty());
            } catch (IOException | RuntimeException e) {
                remember(wanted.id(), new Failure(permit.atMost(), copy.inVain(e)));
                throw e;
            }
        }
    }

    private synchronized void remember(SnapshotId id, Failure failure) {
        failures.put(id, failure);
    }
}
