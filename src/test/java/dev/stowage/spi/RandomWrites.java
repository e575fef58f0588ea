package dev.stowage.spi;

import dev.stowage.linux.Command;
import dev.stowage.volume.ByteRange;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/// Writes to an image what a file system might: blocks, parts of blocks, the same again, zeros, and
/// holes where it trims.
final class RandomWrites implements AutoCloseable {
    private static final int SECTOR = 512;
    private static final int LONGEST_SECTORS = 96;
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private final Path path;
    private final byte[] held;
    private final FileChannel image;
    private final Random random;

    /// @param held what the image holds, kept up to date. The image is never read: what is in
    ///     memory would count as written
    RandomWrites(Path path, byte[] held, Random random) throws IOException {
        this.path = path;
        this.image = FileChannel.open(path, StandardOpenOption.WRITE);
        this.held = held;
        this.random = random;
    }

    /// One write somewhere in the first `limit` bytes.
    ByteRange write(long limit) throws IOException {
        var bytes = SECTOR * (1 + random.nextInt(LONGEST_SECTORS));
        var offset = SECTOR * (long) random.nextInt((int) ((limit - bytes) / SECTOR));
        switch (random.nextInt(8)) {
            case 0 -> trim(offset, bytes);
            case 1 -> put(offset, new byte[bytes]);
            case 2 -> put(offset, Arrays.copyOfRange(held, (int) offset, (int) offset + bytes));
            default -> {
                var content = new byte[bytes];
                random.nextBytes(content);
                put(offset, content);
            }
        }
        return new ByteRange(offset, bytes);
    }

    private void put(long offset, byte[] content) throws IOException {
        System.arraycopy(content, 0, held, (int) offset, content.length);
        var left = ByteBuffer.wrap(content);
        while (left.hasRemaining()) {
            image.write(left, offset + left.position());
        }
    }

    private void trim(long offset, int bytes) throws IOException {
        Arrays.fill(held, (int) offset, (int) offset + bytes, (byte) 0);
        Command.run(
                List.of(
                        "fallocate",
                        "--punch-hole",
                        "--offset=" + offset,
                        "--length=" + bytes,
                        path.toString()),
                LIMIT);
    }

    @Override
    public void close() throws IOException {
        image.close();
    }
}
