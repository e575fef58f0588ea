package dev.stowage.node.filesystem;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.stowage.linux.Fd;
import dev.stowage.node.device.DeviceBytes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Optional;
import java.util.UUID;
import java.util.zip.CRC32C;

/// One copy of the superblock of a btrfs (struct btrfs_super_block, linux/btrfs_tree.h), its bytes
/// as they lie on the device.
final class BtrfsSuperblock {
    static final int BYTES = 4096;

    private static final byte[] MAGIC = "_BHRfS_M".getBytes(US_ASCII);

    // offsets of fields
    private static final int CHECKSUM = 0;
    private static final int FSID = 32;
    private static final int BYTENR = 48;
    private static final int MAGIC_AT = 64;
    private static final int DEVICES = 136;
    private static final int INCOMPAT_FLAGS = 188;
    private static final int CHECKSUM_TYPE = 196;
    private static final int DEVICE_BYTES = 209;
    private static final int METADATA_UUID = 571;

    private static final int CHECKSUM_BYTES = 32;
    private static final int UUID_BYTES = 16;
    private static final long INCOMPAT_METADATA_UUID = 1 << 10;

    private static final int CRC32C_SUM = 0;
    private static final int SHA256_SUM = 2;

    private final byte[] bytes;

    BtrfsSuperblock(byte[] bytes) {
        if (bytes.length != BYTES) {
            throw new IllegalArgumentException("a superblock has " + BYTES + " bytes");
        }
        this.bytes = bytes.clone();
    }

    /// What lies at `position`, whether it is a superblock or not.
    static BtrfsSuperblock read(Fd device, long position, long deviceBytes) throws IOException {
        var read = DeviceBytes.read(device, position, BYTES, deviceBytes);
        var bytes = new byte[BYTES];
        read.bytes().get(0, bytes, 0, read.bytes().limit());
        return new BtrfsSuperblock(bytes);
    }

    /// Whether it is one, and whole. One whose checksum is of a kind that is not known here counts
    /// as whole.
    boolean valid() {
        var magic = Arrays.copyOfRange(bytes, MAGIC_AT, MAGIC_AT + MAGIC.length);
        var sum = Arrays.copyOfRange(bytes, CHECKSUM, CHECKSUM_BYTES);
        return Arrays.equals(magic, MAGIC)
                && checksum().map(s -> Arrays.equals(s, sum)).orElse(true);
    }

    /// Whether it can be changed: its checksum is of a kind that is known here.
    boolean writable() {
        return checksum().isPresent();
    }

    UUID fsid() {
        var at = fields();
        at.order(ByteOrder.BIG_ENDIAN); // a UUID is a row of bytes
        return new UUID(at.getLong(FSID), at.getLong(FSID + Long.BYTES));
    }

    /// How many devices the file system lies on.
    long devices() {
        return fields().getLong(DEVICES);
    }

    /// What it takes of this device.
    long deviceBytes() {
        return fields().getLong(DEVICE_BYTES);
    }

    /// This superblock as the copy at `position` of a file system with another identity. What its
    /// metadata blocks carry stays theirs: from then on it is in metadata_uuid.
    BtrfsSuperblock as(UUID fsid, long position) {
        var copy = new BtrfsSuperblock(bytes);
        var fields = copy.fields();
        var flags = fields.getLong(INCOMPAT_FLAGS);
        if ((flags & INCOMPAT_METADATA_UUID) == 0) {
            System.arraycopy(bytes, FSID, copy.bytes, METADATA_UUID, UUID_BYTES);
            fields.putLong(INCOMPAT_FLAGS, flags | INCOMPAT_METADATA_UUID);
        }
        fields.putLong(BYTENR, position);
        fields.order(ByteOrder.BIG_ENDIAN);
        fields.putLong(FSID, fsid.getMostSignificantBits());
        fields.putLong(FSID + Long.BYTES, fsid.getLeastSignificantBits());
        var sum = copy.checksum().orElseThrow();
        System.arraycopy(sum, 0, copy.bytes, CHECKSUM, CHECKSUM_BYTES);
        return copy;
    }

    ByteBuffer bytes() {
        return ByteBuffer.wrap(bytes.clone());
    }

    private ByteBuffer fields() {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /// Of all that follows the checksum, in the way that the superblock names.
    private Optional<byte[]> checksum() {
        return switch (Short.toUnsignedInt(fields().getShort(CHECKSUM_TYPE))) {
            case CRC32C_SUM -> Optional.of(crc32c());
            case SHA256_SUM -> Optional.of(sha256());
            default -> Optional.empty();
        };
    }

    private byte[] crc32c() {
        var crc = new CRC32C();
        crc.update(bytes, CHECKSUM_BYTES, BYTES - CHECKSUM_BYTES);
        var sum = new byte[CHECKSUM_BYTES];
        ByteBuffer.wrap(sum).order(ByteOrder.LITTLE_ENDIAN).putInt((int) crc.getValue());
        return sum;
    }

    private byte[] sha256() {
        try {
            var digest = MessageDigest.getInstance("SHA-256");
            digest.update(bytes, CHECKSUM_BYTES, BYTES - CHECKSUM_BYTES);
            return digest.digest();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java has it
        }
    }
}
