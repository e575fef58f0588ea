package dev.stowage.node;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import dev.stowage.volume.FileSystemType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Optional;

/// Looks for what a device holds, also where its first bytes are gone. Every read must succeed.
public final class Signatures {
    /// Everything with a fixed place near the start: the last is the end of ZFS's first label.
    private static final int FRONT_BYTES = 256 << 10;

    /// vdev_impl.h: the last of ZFS's four labels is the device's last whole 256 KiB, and its
    // second
    /// half are uberblocks. mdraid and GPT lie within or behind them.
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

    /// As [#atStart(BlockDevice)], of a disk image or disk that is not connected.
    ///
    /// @param bytes its length
    public static Optional<Signature> atStart(Path image, long bytes) throws IOException {
        try (var fd = Fd.open(image, OpenFlags.O_RDONLY)) {
            return new Signatures(fd, bytes).atStart();
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
        var front = DeviceBytes.read(device, 0, FRONT_BYTES, bytes);
        var own = ownFileSystem(front);
        if (own.isPresent()) {
            return own;
        }
        var foreign = foreign(front);
        return foreign.isPresent() ? foreign : zfs(front);
    }

    private static Optional<Signature> ownFileSystem(DeviceBytes front) {
        if (front.matches(0, XFS)) {
            return Optional.of(
                    front.matches(XFS_IN_PROGRESS, new byte[] {1})
                            ? Signature.foreign("an xfs that mkfs.xfs did not finish")
                            : Signature.of(FileSystemType.XFS));
        }
        if (front.matches(BTRFS_SUPERBLOCKS[0] + 0x40, BTRFS)) {
            return Optional.of(Signature.of(FileSystemType.BTRFS));
        }
        return ExtSuperblock.primary(front).map(ext -> new Signature(ext.kind(), ext.fileSystem()));
    }

    private Optional<Signature> foreign(DeviceBytes area) {
        return Magic.FOREIGN.stream().flatMap(magic -> magic.in(area, bytes).stream()).findFirst();
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

    private Optional<Signature> atEnd() throws IOException {
        var start = Math.max(0, bytes / ZFS_LABEL * ZFS_LABEL - ZFS_UBERBLOCKS);
        var back = DeviceBytes.read(device, start, (int) (bytes - start), bytes);
        var sectors = bytes / SECTOR;
        // mdraid: version 1.0 lies 8 KiB before the end, 0.90 in the last whole 64 KiB
        var version1 = ((sectors - 16) & ~7L) * SECTOR;
        var version090 = ((sectors & ~127L) - 128) * SECTOR;
        if (back.matches(version1, MD) || back.matches(version090, MD)) {
            return Optional.of(Signature.foreign("a RAID member (md)"));
        }
        var foreign = foreign(back);
        return foreign.isPresent() ? foreign : zfs(back);
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
