package dev.stowage.node.device;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// Some bytes of a device, read whole: what can't be read is an [IOException], never taken for
/// zeros. Offsets are those of the device.
public record DeviceBytes(long start, ByteBuffer bytes) {
    /// Reads `length` bytes at `start`, fewer where the device ends before.
    public static DeviceBytes read(Fd device, long start, int length, long deviceBytes)
            throws IOException {
        var available = Math.clamp(deviceBytes - start, 0, length);
        var buffer = ByteBuffer.allocate(available).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining()) {
            if (device.read(buffer, start + buffer.position()) <= 0) {
                throw new ErrnoException(
                        "pread, which ended early at byte " + (start + buffer.position()),
                        device.toString(),
                        Errno.EIO);
            }
        }
        return new DeviceBytes(start, buffer.flip());
    }

    public boolean holds(long offset, int length) {
        return offset >= start && offset + length <= start + bytes.limit();
    }

    public boolean matches(long offset, byte[] magic) {
        if (!holds(offset, magic.length)) {
            return false;
        }
        for (var i = 0; i < magic.length; i++) {
            if (bytes.get(at(offset) + i) != magic[i]) {
                return false;
            }
        }
        return true;
    }

    /// Little endian; 0 beyond what was read.
    public int unsignedShort(long offset) {
        return holds(offset, Short.BYTES) ? Short.toUnsignedInt(bytes.getShort(at(offset))) : 0;
    }

    /// Little endian; 0 beyond what was read.
    public int integer(long offset) {
        return holds(offset, Integer.BYTES) ? bytes.getInt(at(offset)) : 0;
    }

    /// Big endian; 0 beyond what was read.
    public long bigEndian(long offset) {
        return holds(offset, Long.BYTES) ? Long.reverseBytes(bytes.getLong(at(offset))) : 0;
    }

    private int at(long offset) {
        return Math.toIntExact(offset - start);
    }
}
