package dev.stowage.node.filesystem;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.stowage.node.device.DeviceBytes;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/// A few bytes at a fixed place by which a format is known. Sources: the formats' own documents
/// and the table of libblkid (util-linux, libblkid/src/superblocks, /partitions).
///
/// @param offset from the device's start, or from its end where it is negative
record Magic(String name, long offset, byte[] bytes) {
    private static final int KIB = 1024;

    /// In the order in which they are asked: what may lie around another format comes last.
    static final List<Magic> FOREIGN =
            List.of(
                    text("LUKS encryption", 0, "LUKS\u00ba\u00be"),
                    text("LUKS encryption", 16 * KIB, "SKUL\u00ba\u00be"),
                    text("LUKS encryption", 32 * KIB, "SKUL\u00ba\u00be"),
                    text("BitLocker", 3, "-FVE-FS-"),
                    text("an LVM2 physical volume", 512 + 24, "LVM2 001"),
                    text("an LVM2 physical volume", 24, "LVM2 001"),
                    text("an LVM2 physical volume", 2 * 512 + 24, "LVM2 001"),
                    text("an LVM2 physical volume", 3 * 512 + 24, "LVM2 001"),
                    text("an LVM1 physical volume", 0, "HM\u0001\u0000"),
                    text("an LVM snapshot", 0, "SnAp"),
                    hex(
                            "a bcache or bcachefs device",
                            4096 + 24,
                            "c68573f64e1a45ca8265f57f48ba6d81"),
                    hex("a bcachefs device", 4096 + 24, "c68573f666ce90a9d96a60cf803df7ef"),
                    text("a stratis device", 512 + 4, "!Stra0tis"),
                    text("a VDO device", 0, "dmvdo001"),
                    text("a dm-integrity device", 0, "integrt\u0000"),
                    text("a dm-verity device", 0, "verity\u0000\u0000"),
                    text("a Ceph BlueStore device", 0, "bluestore block device"),
                    hex("a RAID member (md)", 0, "fc4e2ba9"),
                    hex("a RAID member (md)", 4096, "fc4e2ba9"),
                    hex("a DRBD device", 60 - 4096, "8374026b"),
                    hex("a DRBD device", 60 - 4096, "8374026d"),
                    text("swap space", 4096 - 10, "SWAPSPACE2"),
                    text("swap space", 4096 - 10, "SWAP-SPACE"),
                    text("swap space", 8192 - 10, "SWAPSPACE2"),
                    text("swap space", 16384 - 10, "SWAPSPACE2"),
                    text("swap space", 65536 - 10, "SWAPSPACE2"),
                    hex("f2fs", KIB, "1020f5f2"),
                    hex("erofs", KIB, "e2e1f5e0"),
                    text("squashfs", 0, "hsqs"),
                    text("squashfs", 0, "sqsh"),
                    hex("cramfs", 0, "453dcd28"),
                    text("jfs", 32 * KIB, "JFS1"),
                    text("reiser4", 64 * KIB, "ReIsEr4"),
                    text("reiserfs", 64 * KIB + 52, "ReIsEr"),
                    text("reiserfs", 8 * KIB + 52, "ReIsEr"),
                    hex("gfs2", 64 * KIB, "01161970"),
                    text("ocfs2", KIB, "OCFSV2"),
                    text("ocfs2", 2 * KIB, "OCFSV2"),
                    text("ocfs2", 4 * KIB, "OCFSV2"),
                    hex("nilfs2", KIB + 6, "3434"),
                    text("hfs+", KIB, "H+\u0000\u0004"),
                    text("hfs+", KIB, "HX\u0000\u0005"),
                    text("apfs", 32, "NXSB"),
                    text("iso9660", 32 * KIB + 1, "CD001"),
                    text("udf", 32 * KIB + 1, "BEA01"),
                    text("udf", 32 * KIB + 1, "NSR0"),
                    text("ntfs", 3, "NTFS    "),
                    text("exfat", 3, "EXFAT   "),
                    text("vfat", 0x52, "FAT32   "),
                    text("vfat", 0x36, "FAT1"),
                    text("vfat", 0x36, "FAT     "),
                    text("a partition table (GPT)", 512, "EFI PART"),
                    text("a partition table (GPT)", 4096, "EFI PART"),
                    text("a partition table (GPT)", -512, "EFI PART"),
                    text("a partition table (GPT)", -4096, "EFI PART"),
                    hex("a partition table or boot sector (MBR)", 510, "55aa"));

    static Magic text(String name, long offset, String magic) {
        return new Magic(name, offset, magic.getBytes(ISO_8859_1));
    }

    static Magic hex(String name, long offset, String magic) {
        return new Magic(name, offset, HexFormat.of().parseHex(magic));
    }

    Optional<Signature> in(DeviceBytes area, long deviceBytes) {
        return isIn(area, deviceBytes) ? Optional.of(Signature.foreign(name)) : Optional.empty();
    }

    boolean isIn(DeviceBytes area, long deviceBytes) {
        return area.matches(offset < 0 ? deviceBytes + offset : offset, bytes);
    }
}
