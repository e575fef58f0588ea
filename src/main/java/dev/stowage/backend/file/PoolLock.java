package dev.stowage.backend.file;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import dev.stowage.linux.Linux;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;

/// The pool's `.lock`, an fcntl(2) lock for as long as the process lives. An exclusive driver locks
/// the whole file; drivers that share lock a byte each, so that they exclude only an exclusive one.
/// Between the pools of one driver [FolderClaims] decides before that.
///
/// On a disk that can't be written the locks are those of readers: they keep out whoever can write,
/// and so the pool must be opened anew before it is written to.
///
/// Closing any descriptor of a file gives up all locks that the process has on it. A channel that
/// met a lock of this same process is therefore kept and used again, never closed.
final class PoolLock {
    private static final int MAX_WORDS = 256;

    private final FolderClaims claims;
    private final FilePoolSettings settings;

    /// By whether it can be written to.
    private final Map<Boolean, FileChannel> channels = new HashMap<>();

    PoolLock(FolderClaims claims, FilePoolSettings settings) {
        this.claims = claims;
        this.settings = settings;
    }

    /// All of it or nothing: after a failure the next try begins anew.
    ///
    /// @param readOnly the pool's disk can't be written
    /// @throws VolumeException UNAVAILABLE if another driver has it, or another pool of this one
    synchronized void take(Path file, boolean readOnly, Instance instance, Durable durable)
            throws IOException {
        claims.take(settings.name(), settings.path());
        try {
            lock(file, readOnly, durable);
        } catch (OverlappingFileLockException e) {
            claims.release(settings.name());
            throw new VolumeException(
                    Reason.UNAVAILABLE,
                    "the pool's folder is in use by another driver of this same process",
                    e);
        } catch (IOException | RuntimeException e) {
            release();
            throw e;
        }
        if (!settings.shared() && !readOnly) {
            sign(channel(file, false), "driver %s, process %d".formatted(instance, pid()));
        }
    }

    private static long pid() {
        return ProcessHandle.current().pid();
    }

    private void lock(Path file, boolean readOnly, Durable durable) throws IOException {
        if (!readOnly && Linux.lstatIfExists(file).isEmpty()) {
            var _ = durable.makeIfAbsent(file, new byte[0]);
        }
        var opened = channel(file, readOnly);
        var from = settings.shared() ? ThreadLocalRandom.current().nextLong(Long.MAX_VALUE - 1) : 0;
        var bytes = settings.shared() ? 1 : Long.MAX_VALUE;
        if (opened.tryLock(from, bytes, readOnly) == null) {
            var holder = words(opened);
            throw inUse(file, holder.isBlank() ? "another process" : holder);
        }
    }

    private FileChannel channel(Path file, boolean readOnly) throws IOException {
        var opened = channels.get(readOnly);
        if (opened == null) {
            opened = readOnly ? FileChannel.open(file, READ) : FileChannel.open(file, READ, WRITE);
            channels.put(readOnly, opened);
        }
        return opened;
    }

    private static VolumeException inUse(Path file, String holder) {
        return new VolumeException(
                Reason.UNAVAILABLE,
                "%s is locked by %s: stop that driver, or set 'shared: true' for the pool in all drivers that use it"
                        .formatted(file, holder));
    }

    private static String words(FileChannel channel) throws IOException {
        var buffer = ByteBuffer.allocate(MAX_WORDS);
        channel.read(buffer, 0);
        return UTF_8.decode(buffer.flip()).toString().strip();
    }

    /// For the message that a second driver gives; nothing is decided by it. What was there is
    /// overwritten in its place, and where a full disk does not take that either it stays.
    private static void sign(FileChannel channel, String words) {
        var padded = ("%-" + MAX_WORDS + "s").formatted(words);
        try {
            channel.write(UTF_8.encode(padded).limit(MAX_WORDS), 0);
        } catch (IOException e) {
            Closing.LOG.debug("the lock is not signed", e);
        }
    }

    synchronized void release() {
        channels.values().forEach(Closing::quietly);
        channels.clear();
        claims.release(settings.name());
    }
}
