package dev.stowage.backend.file;

import dev.stowage.linux.Fd;
import dev.stowage.spi.FreezePermit;
import dev.stowage.spi.Freezer;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.function.BooleanSupplier;

/// One copy of a volume that is frozen from now on.
final class FrozenCopy {
    /// The watchdog's time begins before the freeze.
    private static final Duration WATCHDOG_AHEAD = Duration.ofSeconds(1);

    private final VolumeId volume;
    private final Duration atMost;
    private final BooleanSupplier closing;
    private final long sinceNanos = System.nanoTime();
    private long bytes;
    private long copied;

    FrozenCopy(VolumeId volume, Duration atMost, BooleanSupplier closing) {
        this.volume = volume;
        this.atMost = atMost;
        this.closing = closing;
    }

    /// Copies and thaws.
    ///
    /// @throws VolumeException FAILED_PRECONDITION if it did not stay frozen for long enough. No
    ///     code stops the snapshotter's retries, but this one tells it that nothing goes on here,
    ///     so that a VolumeSnapshot that can't be had can at least be deleted
    void run(Fd from, Fd to, ImageCopySource copySource, Freezer.Frozen frozen) throws IOException {
        try {
            bytes = ImageCopy.bytesToRead(from, copySource.sizeBytes(), copySource.holesTold());
            ImageCopy.copy(from, to, copySource.sizeBytes(), copySource.holesTold(), this::mustEnd);
            // What was read is of one moment. Nobody needs to stand still until it is durable.
            frozen.thaw();
        } catch (InterruptedIOException e) {
            if (closing.getAsBoolean()) {
                throw e;
            }
            throw tooLate(e);
        } catch (VolumeException e) { // thawed by others, who may have been the watchdog
            throw tooLate(e);
        }
    }

    private boolean mustEnd(long copiedSoFar) {
        copied = copiedSoFar;
        return closing.getAsBoolean() || System.nanoTime() - sinceNanos >= atMost.toNanos();
    }

    private VolumeException tooLate(Exception cause) {
        var nanos = Math.max(1, System.nanoTime() - sinceNanos);
        var early = nanos < atMost.minus(WATCHDOG_AHEAD).toNanos();
        return new VolumeException(
                Reason.FAILED_PRECONDITION,
                "volume %s was to be frozen for %d s at most, and when it was thawed%s after %.1f s, %d of %d bytes were copied (%.1f MB/s), which were removed: %s"
                        .formatted(
                                volume,
                                atMost.toSeconds(),
                                early ? " by somebody else" : "",
                                nanos / 1e9,
                                copied,
                                bytes,
                                copied * 1e3 / nanos,
                                remedy()),
                cause);
    }

    /// What is to be said whenever the same is asked for again.
    String inVain(Exception failure) {
        return failure instanceof VolumeException refused
                        && refused.reason() == Reason.FAILED_PRECONDITION
                ? refused.getMessage()
                : "volume %s was frozen for this snapshot once, in vain (%s): %s"
                        .formatted(volume, failure.getMessage(), remedy());
    }

    private String remedy() {
        var longer =
                atMost.toSeconds() < FreezePermit.MAX_SECONDS
                        ? "take a new one with %s of up to %d in its VolumeSnapshotClass"
                                .formatted(FreezePermit.KEY, FreezePermit.MAX_SECONDS)
                        : "take a new one when the disk has less to do";
        return "it is not frozen for this snapshot again; %s, or end the use (stop its pods), or keep such volumes in a pool on XFS or btrfs, which copies them at one moment"
                .formatted(longer);
    }
}
