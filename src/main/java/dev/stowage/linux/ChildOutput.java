package dev.stowage.linux;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/// What a program writes to one of its streams: the beginning is kept, the rest is read too, so
/// that the program never waits for us.
final class ChildOutput {
    private static final int CHUNK = 8192;

    private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
    private final byte[] chunk = new byte[CHUNK];
    private final int limit;

    ChildOutput(int limit) {
        this.limit = limit;
    }

    /// Reads what is there. False at the end of the stream.
    boolean readFrom(Fd pipe) throws ErrnoException {
        var count = pipe.read(chunk);
        kept.write(chunk, 0, Math.min(count, limit - kept.size()));
        return count > 0;
    }

    String text() {
        return kept.toString(StandardCharsets.UTF_8);
    }
}
