package dev.stowage.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/// What a btrfs's quota groups leave to a subvolume (btrfs-quota(8)). statfs(2) does not tell it.
///
/// @param limitBytes of the group that leaves least
/// @param leftBytes as of the last commit of the file system, see [Linux#syncfs(Path)]; 0 where
///     more is used than the limit
public record BtrfsQuota(long limitBytes, long leftBytes) {
    // linux/btrfs.h: _IOWR(0x94, 17 and 18, 4096 bytes)
    private static final long BTRFS_IOC_TREE_SEARCH = 0xd0009411L;
    private static final long BTRFS_IOC_INO_LOOKUP = 0xd0009412L;
    private static final int ARGUMENT_SIZE = 4096;

    /// sizeof(struct btrfs_ioctl_search_key): what was found comes after it.
    private static final int SEARCH_KEY_SIZE = 104;

    private static final int SEARCH_HEADER_SIZE = 32;

    // linux/btrfs_tree.h
    private static final long FIRST_FREE_OBJECTID = 256;
    private static final long QUOTA_TREE = 8;
    private static final int QGROUP_INFO = 242;
    private static final int QGROUP_LIMIT = 244;
    private static final int QGROUP_RELATION = 246;
    private static final long LIMIT_MAX_RFER = 1;
    private static final long LIMIT_MAX_EXCL = 2;

    /// The number of a group's level is in its upper bits; what is within it is of a lower level.
    private static final int LEVEL_SHIFT = 48;

    /// Of the subvolume that the folder lies in, with all groups that this is in; empty where none
    /// has a limit, or this process may not look (CAP_SYS_ADMIN).
    public static Optional<BtrfsQuota> of(Path folder) throws ErrnoException {
        try (var fd = Fd.open(folder, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY)) {
            return new Groups(fd).tightest(subvolume(fd));
        } catch (ErrnoException e) {
            if (e.is(Errno.EPERM, Errno.ENOENT) && e.call().equals("BTRFS_IOC_TREE_SEARCH")) {
                return Optional.empty(); // ENOENT: there is no tree of quotas
            }
            throw e;
        }
    }

    private static long subvolume(Fd fd) throws ErrnoException {
        var lookup = argument().putLong(8, FIRST_FREE_OBJECTID); // objectid
        fd.ioctl("BTRFS_IOC_INO_LOOKUP", BTRFS_IOC_INO_LOOKUP, lookup.array());
        return lookup.getLong(0); // treeid
    }

    private static ByteBuffer argument() {
        return ByteBuffer.allocate(ARGUMENT_SIZE).order(ByteOrder.nativeOrder());
    }

    private record Groups(Fd fd) {
        Optional<BtrfsQuota> tightest(long first) throws ErrnoException {
            var waiting = new ArrayDeque<Long>(Set.of(first));
            var seen = new HashSet<Long>();
            Optional<BtrfsQuota> tightest = Optional.empty();
            while (!waiting.isEmpty()) {
                var group = waiting.remove();
                if (seen.add(group)) {
                    tightest = tighter(tightest, limit(group));
                    addParents(group, waiting);
                }
            }
            return tightest;
        }

        private static Optional<BtrfsQuota> tighter(
                Optional<BtrfsQuota> one, Optional<BtrfsQuota> other) {
            return one.isEmpty() || other.filter(o -> o.leftBytes < one.get().leftBytes).isPresent()
                    ? other
                    : one;
        }

        private Optional<BtrfsQuota> limit(long group) throws ErrnoException {
            var limits = item(QGROUP_LIMIT, group);
            var info = item(QGROUP_INFO, group);
            if (limits.isEmpty() || info.isEmpty()) {
                return Optional.empty();
            }
            // struct btrfs_qgroup_limit_item, struct btrfs_qgroup_info_item: both begin with 8
            // bytes of another kind; rfer is "referenced", excl is "exclusive"
            var flags = limits.get().getLong(0);
            return tighter(
                    within(flags & LIMIT_MAX_RFER, limits.get().getLong(8), info.get().getLong(8)),
                    within(
                            flags & LIMIT_MAX_EXCL,
                            limits.get().getLong(16),
                            info.get().getLong(24)));
        }

        private static Optional<BtrfsQuota> within(long flag, long limit, long used) {
            return flag == 0
                    ? Optional.empty()
                    : Optional.of(new BtrfsQuota(limit, Math.max(0, limit - used)));
        }

        /// What the quota tree has of one kind about a group.
        private Optional<ByteBuffer> item(int type, long group) throws ErrnoException {
            var search = search(0, type, group, group);
            return found(search) == 0
                    ? Optional.empty()
                    : Optional.of(
                            search.slice(
                                            SEARCH_KEY_SIZE + SEARCH_HEADER_SIZE,
                                            ARGUMENT_SIZE - SEARCH_KEY_SIZE - SEARCH_HEADER_SIZE)
                                    .order(ByteOrder.LITTLE_ENDIAN)); // as on disk
        }

        /// Relations are there both ways.
        private void addParents(long group, ArrayDeque<Long> parents) throws ErrnoException {
            var search = search(group, QGROUP_RELATION, 0, -1);
            for (var i = 0; i < found(search); i++) { // such items are empty: headers only
                var related = search.getLong(SEARCH_KEY_SIZE + i * SEARCH_HEADER_SIZE + 16);
                if (related >>> LEVEL_SHIFT > group >>> LEVEL_SHIFT) {
                    parents.add(related);
                }
            }
        }

        private static int found(ByteBuffer search) {
            return search.getInt(64); // nr_items
        }

        private ByteBuffer search(long objectid, int type, long leastOffset, long greatestOffset)
                throws ErrnoException {
            var search =
                    argument()
                            .putLong(0, QUOTA_TREE)
                            .putLong(8, objectid) // min and max
                            .putLong(16, objectid)
                            .putLong(24, leastOffset)
                            .putLong(32, greatestOffset)
                            .putLong(48, -1) // max_transid
                            .putInt(56, type) // min and max
                            .putInt(60, type)
                            .putInt(64, Integer.MAX_VALUE); // nr_items: as many as there is room
            fd.ioctl("BTRFS_IOC_TREE_SEARCH", BTRFS_IOC_TREE_SEARCH, search.array());
            return search;
        }
    }
}
