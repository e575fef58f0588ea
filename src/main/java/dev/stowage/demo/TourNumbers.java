package dev.stowage.demo;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// An application that writes: appends 0, 1, 2 and so on, each number to the first file and then to
/// the next, and syncs each before it goes on. So at every single moment each file has all numbers
/// up to some one, and the first as many as the last or one more.
final class TourNumbers implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final long PAUSE_NANOS = 500_000;

    private final List<Path> files;
    private final Thread thread = Thread.ofPlatform().name("numbers").daemon().unstarted(this::run);
    private volatile long synced;
    private volatile boolean ending;
    private volatile @Nullable Exception failure;

    private TourNumbers(List<Path> files) {
        this.files = files;
    }

    static TourNumbers write(List<Path> files) {
        var numbers = new TourNumbers(files);
        numbers.thread.start();
        return numbers;
    }

    private void run() {
        try (var first = open(files.getFirst());
                var last = open(files.getLast())) {
            for (var number = 0L; !ending; number++) {
                append(first, number);
                if (files.size() > 1) {
                    append(last, number);
                }
                synced = number + 1;
            }
        } catch (IOException | RuntimeException e) {
            failure = e;
        }
    }

    private static FileChannel open(Path file) throws IOException {
        return FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private static void append(FileChannel file, long number) throws IOException {
        var bytes = ByteBuffer.allocate(Long.BYTES).putLong(number).flip();
        while (bytes.hasRemaining()) {
            var _ = file.write(bytes);
        }
        file.force(true);
    }

    /// How many numbers every file has for certain.
    long synced() {
        return synced;
    }

    /// Waits until so many more are synced.
    long awaitMore(int more) throws IOException {
        var wanted = synced + more;
        var end = System.nanoTime() + PATIENCE.toNanos();
        while (synced < wanted) {
            requireWriting();
            if (Thread.currentThread().isInterrupted() || System.nanoTime() - end >= 0) {
                throw new IOException("the writer was waited for in vain");
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
        return synced;
    }

    /// @throws IOException if writing has failed
    void requireWriting() throws IOException {
        var failed = failure;
        if (failed != null) {
            throw new IOException("the writer failed: " + failed.getMessage(), failed);
        }
    }

    @Override
    public void close() {
        ending = true;
        var interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true; // its files must be closed all the same
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /// How many numbers a file has.
    ///
    /// @throws IOException if they are not all from 0 on
    static long read(Path file) throws IOException {
        var bytes = ByteBuffer.wrap(Files.exists(file) ? Files.readAllBytes(file) : new byte[0]);
        var count = 0L;
        while (bytes.hasRemaining()) {
            if (bytes.remaining() < Long.BYTES || bytes.getLong() != count) {
                throw new IOException("%s has no number %d".formatted(file, count));
            }
            count++;
        }
        return count;
    }
}
