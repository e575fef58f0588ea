package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_NOFOLLOW;
import static dev.stowage.linux.OpenFlags.O_RDONLY;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.FileExtents;
import dev.stowage.spi.Snapshots;
import dev.stowage.volume.BlockList;
import dev.stowage.volume.Snapshot;
import java.io.IOException;
import java.util.List;
import java.util.function.BooleanSupplier;

/// Lists blocks of a file pool's snapshots. An open list has their images open, so it goes on when
/// they are deleted; their bytes are freed when it is closed.
///
/// @param probe what the pool's file system can do
record FileChangedBlocks(PoolFolder pool, ExtentProbe probe) {
    BlockList allocated(Snapshot snapshot, long from) throws IOException {
        var image = open(snapshot);
        try {
            return new ImageBlocks(written(image), from, snapshot.sizeBytes(), List.of(image));
        } catch (IOException e) {
            image.close();
            throw e;
        }
    }

    BlockList changed(Snapshot base, Snapshot target, long from, BooleanSupplier stop)
            throws IOException {
        var old = open(base);
        try {
            var now = open(target);
            try {
                var size = target.sizeBytes();
                var changes = changes(old, now, from, size, stop);
                return new ImageBlocks(changes, from, size, List.of(old, now));
            } catch (IOException e) {
                now.close();
                throw e;
            }
        } catch (IOException | RuntimeException e) {
            old.close();
            throw e;
        }
    }

    private Fd open(Snapshot snapshot) throws IOException {
        try {
            return Fd.open(pool.snapshot(snapshot.id()).image(), O_RDONLY | O_NOFOLLOW);
        } catch (ErrnoException e) {
            if (e.is(Errno.ENOENT)) { // deleted since it was found
                throw Snapshots.noSuchSnapshot(snapshot.id().toString());
            }
            throw e;
        }
    }

    /// Places on the disk can be compared only within one file system, and are worth it only where
    /// files can share them.
    private RangeFinder changes(Fd old, Fd now, long from, long size, BooleanSupplier stop)
            throws IOException {
        var comparison = new DataComparison(old, now, stop);
        if (probe.reflinks() && old.stat().dev() == now.stat().dev() && FileExtents.told(now)) {
            return new ChangedExtents(
                    new ExtentCursor(new FileExtents(old, from)::next),
                    new ExtentCursor(new FileExtents(now, from)::next),
                    size,
                    comparison,
                    stop);
        }
        return new ChangedData(written(old), written(now), comparison);
    }

    /// What was only read so far would be taken for written.
    private WrittenBytes written(Fd image) throws IOException {
        image.dropCache();
        return new WrittenBytes(image, probe.seekDataTrusted());
    }
}
