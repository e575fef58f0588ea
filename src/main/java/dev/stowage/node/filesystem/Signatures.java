package dev.stowage.node.filesystem;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import dev.stowage.node.device.BlockDevice;
import dev.stowage.node.device.DeviceBytes;
import dev.stowage.volume.FileSystemType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;

/// Looks for what a device holds, also where its first bytes are gone. Every read must succeed.
public final class Signatures {
    /// Everything with a fixed place near the start: the last is the end of ZFS's first label.
    private static final int FRONT_BYTES = 256 << 10;

    /// vdev_impl.h: the last of ZFS's four labels is the device's last whole 256 KiB, and its
    /// second half are uberblocks. mdraid and GPT lie within or behind them.
    private static final int ZFS_LABEL = 256 << 10;

    private static final int ZFS_UBERBLOCKS = 128 << 10;

    private static final int SECTOR = 512;
    private static final byte[] XFS = "XFSB".getBytes(US_ASCII);
    private static final byte[] XFS_FREE_SPACE = "XAGF".getBytes(US_ASCII);
    private static final byte[] BTRFS = "_BHRfS_M".getBytes(US_ASCII);
    private static final byte[] MD = HexFormat.of().parseHex("fc4e2ba9");
    private static final byte[] ZFS = HexFormat.of().parseHex("0cb1ba0000000000");
    private static final byte[] ZFS_BIG_ENDIAN = HexFormat.of().parseHex("0000000000bab10c");

    /// btrfs_sb_offset, fs/btrfs/volumes.h: the superblock and its mirrors; the magic is at 0x40.
    private static final long[] BTRFS_SUPERBLOCKS = {64L << 10, 64L << 20, 256L << 30};

    /// Block sizes of ext and, in blocks, where its first copy lies (e2fsck(8), -b).
    private static final int[][] EXT_COPIES = {{4096, 32768}, {2048, 16384}, {1024, 8193}};

    /// sb_inprogress of struct xfs_dsb: mkfs.xfs sets it until it is done.
    private static final int XFS_IN_PROGRESS = 126;

    private final Fd device;
    private final long bytes;

    private Signatures(Fd device, long bytes) {
        this.device = device;
        this.bytes = bytes;
    }

    /// The file system, or whatever else, that the start of the device says it holds.
    static Optional<Signature> atStart(BlockDevice device) throws IOException {
        try (var fd = Fd.open(device.path(), OpenFlags.O_RDONLY)) {
            return new Signatures(fd, fd.blockDeviceBytes()).atStart();
        }
    }

    /// Whether the start of the device says, maybe among other things, that it holds this.
    static boolean hold(BlockDevice device, FileSystemType fileSystem) throws IOException {
        try (var fd = Fd.open(device.path(), OpenFlags.O_RDONLY)) {
            var signatures = new Signatures(fd, fd.blockDeviceBytes());
            return signatures.allAtStart().stream()
                    .anyMatch(found -> found.fileSystem().equals(Optional.of(fileSystem)));
        }
    }

    /// All that a disk image, or a disk that is not connected, says at its start and its end that
    /// it holds, each once. If that is nothing, what its copies of a superblock say.
    ///
    /// @param bytes its length
    public static List<Signature> all(Path image, long bytes) throws IOException {
        try (var fd = Fd.open(image, OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK)) {
            var signatures = new Signatures(fd, bytes);
            var found = new LinkedHashSet<>(signatures.allAtStart());
            found.addAll(signatures.allAtEnd());
            if (found.isEmpty()) {
                signatures.copies().ifPresent(found::add);
            }
            return List.copyOf(found);
        }
    }

    /// Anything that says so at the start or the end.
    static Optional<Signature> atStartOrEnd(Fd device) throws IOException {
        var signatures = new Signatures(device, device.blockDeviceBytes());
        var found = signatures.atStart();
        return found.isPresent() ? found : signatures.atEnd();
    }

    /// The copies of a superblock whose original is gone.
    static Optional<Signature> copies(BlockDevice device) throws IOException {
        try (var fd = Fd.open(device.path(), OpenFlags.O_RDONLY)) {
            return copies(fd);
        }
    }

    /// As [#copies(BlockDevice)].
    static Optional<Signature> copies(Fd device) throws IOException {
        return new Signatures(device, device.blockDeviceBytes()).copies();
    }

    private Optional<Signature> atStart() throws IOException {
        return allAtStart().stream().findFirst();
    }

    private Optional<Signature> atEnd() throws IOException {
        return allAtEnd().stream().findFirst();
    }

    private List<Signature> allAtStart() throws IOException {
        var front = DeviceBytes.read(device, 0, FRONT_BYTES, bytes);
        var found = ownFileSystems(front);
        found.addAll(foreign(front));
        return found;
    }

    private static List<Signature> ownFileSystems(DeviceBytes front) {
        var found = new ArrayList<Signature>();
        if (front.matches(0, XFS)) {
            found.add(
                    front.matches(XFS_IN_PROGRESS, new byte[] {1})
                            ? Signature.foreign("an xfs that mkfs.xfs did not finish")
                            : Signature.of(FileSystemType.XFS));
        }
        if (front.matches(BTRFS_SUPERBLOCKS[0] + 0x40, BTRFS)) {
            found.add(Signature.of(FileSystemType.BTRFS));
        }
        ExtSuperblock.primary(front).map(ExtSuperblock::signature).ifPresent(found::add);
        return found;
    }

    private List<Signature> foreign(DeviceBytes area) {
        var found = new ArrayList<Signature>();
        PackedFormat.ALL.forEach(packed -> packed.in(area, bytes).ifPresent(found::add));
        Magic.FOREIGN.forEach(magic -> magic.in(area, bytes).ifPresent(found::add));
        zfs(area).ifPresent(found::add);
        return found;
    }

    /// Uberblocks: an array from 128 KiB into each label (vdev_impl.h).
    private static Optional<Signature> zfs(DeviceBytes area) {
        for (var offset = area.start(); area.holds(offset, ZFS.length); offset += 1024) {
            if (area.matches(offset, ZFS) || area.matches(offset, ZFS_BIG_ENDIAN)) {
                return Optional.of(Signature.foreign("a ZFS pool member"));
            }
        }
        return Optional.empty();
    }

    private List<Signature> allAtEnd() throws IOException {
        var start = Math.max(0, bytes / ZFS_LABEL * ZFS_LABEL - ZFS_UBERBLOCKS);
        var back = DeviceBytes.read(device, start, (int) (bytes - start), bytes);
        var found = new ArrayList<Signature>();
        var sectors = bytes / SECTOR;
        // mdraid: version 1.0 lies 8 KiB before the end, 0.90 in the last whole 64 KiB
        var version1 = ((sectors - 16) & ~7L) * SECTOR;
        var version090 = ((sectors & ~127L) - 128) * SECTOR;
        if (back.matches(version1, MD) || back.matches(version090, MD)) {
            found.add(Signature.foreign("a RAID member (md)"));
        }
        found.addAll(foreign(back));
        return found;
    }

    private Optional<Signature> copies() throws IOException {
        for (var ext : EXT_COPIES) {
            var offset = (long) ext[0] * ext[1];
            var area = DeviceBytes.read(device, offset, ExtSuperblock.SIZE, bytes);
            if (ExtSuperblock.copy(area, offset, ext[0]).isPresent()) {
                return Optional.of(
                        Signature.foreign(
                                "an ext file system without its first superblock (fsck.ext4 -b %d -B %d %s may restore it)"
                                        .formatted(ext[1], ext[0], device)));
            }
        }
        for (var offset : BTRFS_SUPERBLOCKS) {
            if (DeviceBytes.read(device, offset, 4096, bytes).matches(offset + 0x40, BTRFS)) {
                return Optional.of(
                        Signature.foreign(
                                "a btrfs without its first superblock (btrfs rescue super-recover %s may restore it)"
                                        .formatted(device)));
            }
        }
        return xfsCopies();
    }

    /// mkfs.xfs divides a device into 4 allocation groups, or into 1 TiB ones, unless told
    /// otherwise; each starts with a superblock, and the sector after it is its free space's.
    private Optional<Signature> xfsCopies() throws IOException {
        if (DeviceBytes.read(device, 0, 8192, bytes).matches(SECTOR, XFS_FREE_SPACE)) {
            return Optional.of(withoutFirst());
        }
        var blocks = bytes / 4096;
        for (var groupBytes : new long[] {(blocks + 3) / 4 * 4096, blocks / 4 * 4096, 1L << 40}) {
            if (groupBytes > 0
                    && DeviceBytes.read(device, groupBytes, SECTOR, bytes)
                            .matches(groupBytes, XFS)) {
                return Optional.of(withoutFirst());
            }
        }
        return Optional.empty();
    }

    private Signature withoutFirst() {
        return Signature.foreign(
                "an xfs without its first superblock (xfs_repair %s may restore it)"
                        .formatted(device));
    }
}
