package dev.stowage.volume;

import java.util.List;

/// The largest volume that a file system of some options can have: mkfs makes none that is larger,
/// or the kernel does not mount it. The rest is what a Java long can count.
public final class LargestVolume {
    /// Without `64bit` block numbers, and the numbers of inodes always.
    private static final long IN_32_BITS = (1L << 32) - 1;

    /// With `64bit`; an extent has room for this many (struct ext4_extent, fs/ext4/ext4_extents.h).
    private static final long EXT_BLOCKS = 1L << 48;

    private static final long EXT_BLOCK = 4096;

    /// `-T small` of mke2fs.conf(5).
    private static final long SMALL_EXT_BLOCK = 1024;

    private LargestVolume() {}

    /// @param mkfsOptions that [MkfsOptions] has checked
    static long bytes(FileSystemType fileSystem, List<String> mkfsOptions) {
        var options = new GivenOptions(mkfsOptions);
        return switch (fileSystem) {
            case EXT4 ->
                    options.feature("64bit").orElse(true)
                            ? EXT_BLOCKS * block(options)
                            : in32Bits(options);
            case EXT3 -> in32Bits(options);
            case XFS, BTRFS -> Long.MAX_VALUE;
        };
    }

    /// The part of `capacity` that such a file system can fill.
    ///
    /// @throws VolumeException OUT_OF_RANGE if nothing is left of it
    public static CapacityRange within(
            CapacityRange capacity, FileSystemType fileSystem, List<String> mkfsOptions) {
        var largest = bytes(fileSystem, mkfsOptions);
        if (capacity.requiredBytes() > largest) {
            throw new VolumeException(
                    Reason.OUT_OF_RANGE,
                    "%s holds at most %d bytes, and %d are asked for: ask for less, or for another file system"
                            .formatted(
                                    MkfsOptions.described(fileSystem, mkfsOptions),
                                    largest,
                                    capacity.requiredBytes()));
        }
        return capacity.atMost(largest);
    }

    /// 64-bit file systems get as many inodes as there can be; others are refused where the ratio
    /// of `-i` wants more.
    private static long in32Bits(GivenOptions options) {
        var blocks = IN_32_BITS * block(options);
        if (options.value("-N").isPresent()) {
            return blocks;
        }
        return options.value("-i")
                .map(ratio -> Math.min(blocks, IN_32_BITS * Long.parseLong(ratio)))
                .orElse(blocks);
    }

    private static long block(GivenOptions options) {
        var usual =
                options.value("-T").filter("small"::equals).isPresent()
                        ? SMALL_EXT_BLOCK
                        : EXT_BLOCK;
        return options.value("-b").map(Long::parseLong).orElse(usual);
    }
}
