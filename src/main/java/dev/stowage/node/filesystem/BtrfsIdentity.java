package dev.stowage.node.filesystem;

import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.UUID;

/// Gives a copy of a btrfs an identity of its own, as `btrfstune -m` does. The kernel knows a btrfs
/// by its fsid: before 6.7 it refuses a second one with the same, and a later one gives it a
/// passing identity.
///
/// The new fsid follows from the volume's id, so that a repetition writes the same bytes. The first
/// superblock is the one that is mounted by. It comes last: until it is written the copy is what it
/// was, and if a power cut tears it the others hold what it should be.
public final class BtrfsIdentity {
    private static final long FIRST = 64 << 10;

    /// btrfs_sb_offset: the further copies, as far as the device reaches
    private static final long[] FURTHER = {64L << 20, 256L << 30};

    private BtrfsIdentity() {}

    static UUID of(VolumeId id) {
        return UUID.nameUUIDFromBytes(id.toString().getBytes(StandardCharsets.UTF_8));
    }

    /// The device must not be mounted. A file system whose checksums are of a kind that is not
    /// known here (xxhash, blake2) is left as it is.
    ///
    /// @throws VolumeException DAMAGED if no superblock can be relied on
    public static void renew(VolumeId id, BlockDevice device) throws IOException {
        var fsid = of(id);
        try (var fd = Fd.open(device.path(), OpenFlags.O_RDWR)) {
            var current = current(id, fsid, fd);
            if (!current.writable()) {
                return;
            }
            for (var position : further(fd)) {
                write(fd, current.as(fsid, position), position);
            }
            fd.fsync();
            write(fd, current.as(fsid, FIRST), FIRST);
            fd.fsync();
        }
    }

    private static BtrfsSuperblock current(VolumeId id, UUID fsid, Fd fd) throws IOException {
        var first = read(fd, FIRST);
        if (first.valid()) {
            return first;
        }
        for (var position : further(fd)) {
            var copy = read(fd, position);
            if (copy.valid() && copy.fsid().equals(fsid)) {
                return copy;
            }
        }
        throw new VolumeException(
                Reason.DAMAGED,
                "volume %s holds a copy of a btrfs whose superblock is damaged; it is left as it is: make another copy, or look at it with btrfs inspect-internal dump-super -a"
                        .formatted(id));
    }

    private static ArrayList<Long> further(Fd fd) throws IOException {
        var size = fd.blockDeviceBytes();
        var positions = new ArrayList<Long>();
        for (var position : FURTHER) {
            if (position + BtrfsSuperblock.BYTES <= size) {
                positions.add(position);
            }
        }
        return positions;
    }

    private static BtrfsSuperblock read(Fd fd, long position) throws IOException {
        return BtrfsSuperblock.read(fd, position, fd.blockDeviceBytes());
    }

    private static void write(Fd fd, BtrfsSuperblock superblock, long position) throws IOException {
        var bytes = superblock.bytes();
        while (bytes.hasRemaining()) {
            var _ = fd.write(bytes, position + bytes.position());
        }
    }
}
