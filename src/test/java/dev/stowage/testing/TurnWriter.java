package dev.stowage.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.Mounts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Set;

/// Writes two volumes in turns: a number appended to a file of the first and synced, then to one of
/// the second and synced. At every single moment the first has as many numbers as the second, or
/// one more.
public final class TurnWriter extends Thread {
    private static final String FILE = "numbers";

    private final Path first;
    private final Path second;
    private volatile boolean ending;
    private volatile long written;

    /// @param first where the first volume is mounted
    public TurnWriter(Path first, Path second) {
        this.first = first.resolve(FILE);
        this.second = second.resolve(FILE);
    }

    @Override
    public void run() {
        try (var first = open(this.first);
                var second = open(this.second)) {
            for (var number = 1L; !ending; number++) {
                append(first, number);
                append(second, number);
                written = number;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
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

    /// How many numbers both volumes have.
    public long written() {
        return written;
    }

    public void end() throws InterruptedException {
        ending = true;
        join();
    }

    /// Whether two images of the volumes can be of one moment.
    ///
    /// @param folder where they may be mounted meanwhile
    public static boolean ordered(Path first, Path second, Path folder) throws IOException {
        var ahead = numbers(first, folder) - numbers(second, folder);
        return ahead == 0 || ahead == 1;
    }

    /// How many numbers an image has; fails if they are not all from 1 on.
    public static long numbers(Path image, Path folder) throws IOException {
        var at = Files.createTempDirectory(folder, "image");
        var loop = LoopDevices.attach(image, "stowage-test:" + at.getFileName(), 512, false);
        try {
            Mounts.mount("ext4", loop.path().toString(), at, Set.of(), List.of());
            try {
                return count(at.resolve(FILE));
            } finally {
                Mounts.unmount(at);
            }
        } finally {
            LoopDevices.detach(loop);
            Files.delete(at);
        }
    }

    private static long count(Path file) throws IOException {
        var bytes = ByteBuffer.wrap(Files.exists(file) ? Files.readAllBytes(file) : new byte[0]);
        var count = 0L;
        while (bytes.remaining() >= Long.BYTES) {
            count++;
            assertThat(bytes.getLong()).isEqualTo(count);
        }
        return count;
    }
}
