package dev.stowage.node.filesystem;

import dev.stowage.node.device.DeviceBytes;
import java.util.List;
import java.util.Optional;

/// A file format that has a disk's bytes, or files, packed inside: what is read at some offset of
/// such a file is not what the disk has there. Sources: the formats' own documents, QEMU's
/// docs/interop, and the table of file(1).
///
/// @param unpacking a command that unpacks it, `%s` being the file, or what else to do
record PackedFormat(Magic magic, String unpacking) {
    private static final String QEMU = "qemu-img convert -O raw %1$s %1$s.raw";
    private static final String TAR =
            "mkdir %1$s.d && tar --xattrs --xattrs-include='*' --acls -xpf %1$s -C %1$s.d";

    static final List<PackedFormat> ALL =
            List.of(
                    text("a qcow2 disk image", 0, "QFI\u00fb\u0000\u0000\u0000\u0002", QEMU),
                    text("a qcow2 disk image", 0, "QFI\u00fb\u0000\u0000\u0000\u0003", QEMU),
                    text("a qcow disk image", 0, "QFI\u00fb\u0000\u0000\u0000\u0001", QEMU),
                    text("a QED disk image", 0, "QED\u0000", QEMU),
                    text("a VMDK disk image", 0, "KDMV", QEMU),
                    text("a VMDK disk image", 0, "COWD", QEMU),
                    text("a VMDK descriptor", 0, "# Disk DescriptorFile", QEMU),
                    hex("a VDI disk image", 64, "7f10dabe", QEMU),
                    text("a VHDX disk image", 0, "vhdxfile", QEMU),
                    text("a VHD disk image", 0, "conectix", QEMU),
                    text("a VHD disk image", -512, "conectix", QEMU),
                    text("a VHD disk image", -511, "conectix", QEMU),
                    text("a Parallels disk image", 0, "WithoutFreeSpace", QEMU),
                    text("a Parallels disk image", 0, "WithouFreSpacExt", QEMU),
                    text("a Bochs disk image", 0, "Bochs Virtual HD Image", QEMU),
                    text("a DMG disk image", -512, "koly", QEMU),
                    text("a Proxmox VMA archive", 0, "VMA\u0000", "vma extract %1$s %1$s.d"),
                    text("an EWF disk image", 0, "EVF\t\r\n\u00ff\u0000", "ewfexport %s"),
                    hex("an Android sparse image", 0, "3aff26ed", "simg2img %1$s %1$s.raw"),
                    text(
                            "a partclone image",
                            0,
                            "partclone-image",
                            "partclone.restore -C -s %1$s -o %1$s.raw"),
                    text("an exported rbd image", 0, "rbd image v", "rbd import %s POOL/IMAGE"),
                    text("a btrfs send stream", 0, "btrfs-stream\u0000", "btrfs receive -f %s DIR"),
                    hex("gzip data", 0, "1f8b08", "gunzip -c %1$s > %1$s.raw"),
                    hex("xz data", 0, "fd377a585a00", "xz -dc %1$s > %1$s.raw"),
                    hex("lzma data", 0, "5d00008000ffffffff", "xz -dc %1$s > %1$s.raw"),
                    hex("zstd data", 0, "28b52ffd", "zstd -dc %1$s > %1$s.raw"),
                    hex("bzip2 data", 4, "314159265359", "bzcat %1$s > %1$s.raw"),
                    hex("lz4 data", 0, "04224d18", "lz4 -dc %1$s > %1$s.raw"),
                    text("lzip data", 0, "LZIP\u0001", "lzip -dc %1$s > %1$s.raw"),
                    hex("lzop data", 0, "894c5a4f000d0a1a0a", "lzop -dc %1$s > %1$s.raw"),
                    hex("compress data", 0, "1f9d90", "zcat %1$s > %1$s.raw"),
                    text("a zip archive", 0, "PK\u0003\u0004", "unzip -d %1$s.d %1$s"),
                    hex("a 7z archive", 0, "377abcaf271c", "7z x -o%1$s.d %1$s"),
                    text("a RAR archive", 0, "Rar!\u001a\u0007", "unrar x %1$s %1$s.d/"),
                    text("a tar archive", 257, "ustar", TAR),
                    text("a cpio archive", 0, "070701", "cpio -idm < %s"),
                    text("a cpio archive", 0, "070707", "cpio -idm < %s"),
                    text("a cabinet archive", 0, "MSCF\u0000", "cabextract -d %1$s.d %1$s"),
                    text("a WIM archive", 0, "MSWIM\u0000", "wimextract %1$s 1 --dest-dir=%1$s.d"));

    private static PackedFormat text(String name, long offset, String magic, String unpacking) {
        return new PackedFormat(Magic.text(name, offset, magic), unpacking);
    }

    private static PackedFormat hex(String name, long offset, String magic, String unpacking) {
        return new PackedFormat(Magic.hex(name, offset, magic), unpacking);
    }

    Optional<Signature> in(DeviceBytes area, long deviceBytes) {
        return magic.isIn(area, deviceBytes)
                ? Optional.of(Signature.packed(magic.name(), unpacking))
                : Optional.empty();
    }
}
