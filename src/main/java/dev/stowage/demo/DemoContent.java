package dev.stowage.demo;

import dev.stowage.client.VolumeKind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Set;

/// What a pod writes into the volume: a file, or the beginning of a raw device.
final class DemoContent {
    private static final int BYTES = 1 << 20;
    private static final String FILE = "hello";

    private final byte[] bytes;
    private final boolean device;

    private DemoContent(byte[] bytes, boolean device) {
        this.bytes = bytes;
        this.device = device;
    }

    static DemoContent random(VolumeKind kind) {
        var bytes = new byte[BYTES];
        new SecureRandom().nextBytes(bytes);
        return new DemoContent(bytes, kind.fileSystem().isEmpty());
    }

    private Path file(Path target) {
        return device ? target : target.resolve(FILE);
    }

    private String name() {
        return device ? "the device" : FILE;
    }

    String write(Path target) throws IOException {
        var options =
                device
                        ? Set.of(StandardOpenOption.WRITE)
                        : Set.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW);
        try (var channel = FileChannel.open(file(target), options)) {
            var buffer = ByteBuffer.wrap(bytes);
            while (buffer.hasRemaining()) {
                var _ = channel.write(buffer);
            }
            channel.force(true);
        }
        return "1 MiB into %s, and synced".formatted(name());
    }

    /// @throws IOException if something else is there
    String readBack(Path target) throws IOException {
        var buffer = ByteBuffer.allocate(BYTES);
        try (var channel = FileChannel.open(file(target), StandardOpenOption.READ)) {
            while (buffer.hasRemaining() && channel.read(buffer) >= 0) {}
        }
        if (!Arrays.equals(buffer.array(), bytes)) {
            throw new IOException("%s does not hold what was written".formatted(file(target)));
        }
        return "%s as written (begins with %s)"
                .formatted(name(), HexFormat.of().formatHex(bytes, 0, 4));
    }
}
