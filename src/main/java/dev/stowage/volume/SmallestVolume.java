package dev.stowage.volume;

import java.util.List;
import java.util.Optional;

/// The smallest volume that mkfs makes a file system on when it is given options for the geometry.
/// The manual pages do not say; the numbers are those of mkfs.xfs 6.1, mkfs.btrfs 6.2 and mke2fs
/// 1.47, rounded up.
final class SmallestVolume {
    private static final long MIB = 1L << 20;

    /// XFS: a log of less is refused, and so is one of more.
    private static final long SMALLEST_LOG = 64 * MIB;

    private static final long LARGEST_LOG = 2038 * MIB;

    /// XFS: an allocation group has this beside the log, which lies within one group.
    private static final long GROUP_HEADERS = 64 << 10;

    /// XFS: how many groups a small volume has; on a stripe it is taken for several disks.
    private static final int GROUPS = 4;

    private static final int GROUPS_OF_A_STRIPE = 8;

    /// btrfs: with `-d dup` all has a second place.
    private static final long BTRFS_DUP = 232 * MIB;

    private SmallestVolume() {}

    /// @param mkfsOptions that [MkfsOptions] has checked
    /// @throws VolumeException INVALID if no volume is large enough
    static long bytes(FileSystemType fileSystem, List<String> mkfsOptions) {
        var options = new GivenOptions(mkfsOptions);
        var wanted =
                switch (fileSystem) {
                    case EXT4, EXT3 -> ext(options);
                    case XFS -> xfs(options);
                    case BTRFS -> btrfs(options);
                };
        return Math.max(wanted, fileSystem.minimumBytes());
    }

    /// The journal takes half of a volume at most; some of the rest is for the inodes.
    private static long ext(GivenOptions options) {
        return options.setting("-J", "size").map(Long::parseLong).orElse(0L) * MIB * 9 / 4;
    }

    private static long btrfs(GivenOptions options) {
        var data = options.value("-d").or(() -> options.value("--data"));
        return data.equals(Optional.of("dup")) ? BTRFS_DUP : 0;
    }

    private static long xfs(GivenOptions options) {
        var log = options.setting("-l", "size");
        var logBytes = log.map(SmallestVolume::parse).orElse(SMALLEST_LOG);
        if (logBytes < SMALLEST_LOG || logBytes > LARGEST_LOG) {
            throw invalid(
                    "mkfs option '-l size=%s' is no size for the log of an xfs: give 64m to 2038m",
                    log.orElse(""));
        }
        var leastGroup = logBytes + GROUP_HEADERS;
        var group = options.setting("-d", "agsize");
        if (group.isPresent()) {
            if (parse(group.get()) < leastGroup) {
                throw invalid(
                        "mkfs option '-d agsize=%s' leaves no room for the log%s: give %d bytes or more, or leave agsize out",
                        group.get(),
                        log.map(size -> " of '-l size=" + size + "'").orElse(""),
                        leastGroup);
            }
            return parse(group.get()) + leastGroup; // of two groups, the second has the log
        }
        return groups(options) * leastGroup;
    }

    private static long groups(GivenOptions options) {
        var striped =
                options.setting("-d", "su").or(() -> options.setting("-d", "sunit")).isPresent();
        return options.setting("-d", "agcount")
                .map(Long::parseLong)
                .orElse((long) (striped ? GROUPS_OF_A_STRIPE : GROUPS));
    }

    /// A number of bytes, or with k, m or g of as many KiB, MiB or GiB.
    private static long parse(String size) {
        var unit = "kmg".indexOf(Character.toLowerCase(size.charAt(size.length() - 1)));
        return unit < 0
                ? Long.parseLong(size)
                : Long.parseLong(size.substring(0, size.length() - 1)) << 10 * (unit + 1);
    }

    private static VolumeException invalid(String format, Object... arguments) {
        return new VolumeException(Reason.INVALID, String.format(format, arguments));
    }
}
