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
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/// The pool's `.lock`, an fcntl(2) lock for as long as the process lives. An exclusive driver locks
/// the whole file; drivers that share lock a byte each, so that they exclude only an exclusive one.
///
/// Closing any descriptor of a file gives up all locks that the process has on it. A channel that
/// met a lock of this same process is therefore kept and used again, never closed.
final class PoolLock {
    private static final int MAX_WORDS = 256;

    private Optional<FileChannel> channel = Optional.empty();

    /// @throws VolumeException UNAVAILABLE if another driver has it
    synchronized void take(Path file, boolean shared, Instance instance, Durable durable)
            throws IOException {
        var opened = channel.isPresent() ? channel.get() : open(file, durable);
        channel = Optional.of(opened);
        if (!locked(opened, shared)) {
            var holder = words(opened);
            release();
            throw inUse(file, holder.isBlank() ? "another process" : holder);
        }
        if (!shared) {
            sign(
                    opened,
                    "driver %s, process %d".formatted(instance, ProcessHandle.current().pid()));
        }
    }

    private static FileChannel open(Path file, Durable durable) throws IOException {
        if (Linux.lstatIfExists(file).isEmpty()) {
            var _ = durable.makeIfAbsent(file, new byte[0]);
        }
        return FileChannel.open(file, READ, WRITE);
    }

    private static boolean locked(FileChannel channel, boolean shared) throws IOException {
        var from = shared ? ThreadLocalRandom.current().nextLong(Long.MAX_VALUE - 1) : 0;
        try {
            return channel.tryLock(from, shared ? 1 : Long.MAX_VALUE, false) != null;
        } catch (OverlappingFileLockException e) {
            throw new VolumeException(
                    Reason.UNAVAILABLE,
                    "the pool's folder is in use by another pool of this same driver: give each pool a folder of its own",
                    e);
        }
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

    /// For the message that a second driver gives; nothing is decided by it.
    private static void sign(FileChannel channel, String words) throws IOException {
        channel.truncate(0);
        channel.write(UTF_8.encode(words), 0);
    }

    synchronized void release() {
        channel.ifPresent(Closing::quietly);
        channel = Optional.empty();
    }
}
