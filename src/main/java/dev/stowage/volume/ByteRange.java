package dev.stowage.volume;

/// Bytes of a volume that follow each other.
///
/// @param offset from the start of the volume
/// @param bytes at least one
public record ByteRange(long offset, long bytes) {
    public ByteRange {
        if (offset < 0 || bytes <= 0) {
            throw new IllegalArgumentException("%d bytes at %d".formatted(bytes, offset));
        }
    }

    public static ByteRange between(long begin, long end) {
        return new ByteRange(begin, end - begin);
    }

    /// The offset of the first byte behind it.
    public long end() {
        return offset + bytes;
    }
}
