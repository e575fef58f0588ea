package dev.stowage.linux;

import static dev.stowage.linux.LibC.LIBC;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/// Mounts as system calls (linux/mount.h; fsopen(2) and its kin, kernel 5.2 on, mount_setattr(2)
/// 5.12 on). A mount is built detached with all its attributes and then moved into place by one
/// call, so nobody ever sees half of it.
public final class Mounts {
    /// Among them are programs that this driver starts: until their exec they have a copy of every
    /// descriptor, and so what another thread had open for a moment.
    private static final Duration LOOKERS = Duration.ofMillis(250);

    private static final long OPEN_TREE_CLONE = 1;
    private static final long MOVE_MOUNT_F_EMPTY_PATH = 0x04;
    private static final long MOVE_MOUNT_T_EMPTY_PATH = 0x40;
    private static final int UMOUNT_NOFOLLOW = 8;

    /// All that [MountAttribute] knows of, and MOUNT_ATTR__ATIME: a choice among several, cleared
    /// as a whole.
    private static final long ATIME = 0x70;

    private static final long ALL_BUT_ATIME = 0x1 | 0x2 | 0x4 | 0x8 | 0x80 | 0x200000;

    /// sizeof(struct mount_attr), MOUNT_ATTR_SIZE_VER0: attr_set, attr_clr, propagation, userns_fd.
    private static final int MOUNT_ATTR_SIZE = 32;

    private Mounts() {}

    /// What holds for one mount, not for the file system behind it (MOUNT_ATTR_*, linux/mount.h).
    public enum MountAttribute {
        READ_ONLY(0x1),
        NOSUID(0x2),
        NODEV(0x4),
        NOEXEC(0x8),
        NOATIME(0x10),
        NODIRATIME(0x80),
        /// The kernel's choice where no other atime attribute is given.
        RELATIME(0),
        STRICTATIME(0x20),
        /// From kernel 5.14 on; EINVAL before.
        NOSYMFOLLOW(0x200000);

        private final long bit;

        MountAttribute(long bit) {
            this.bit = bit;
        }

        static long bits(Set<MountAttribute> attributes) {
            var bits = 0L;
            for (var attribute : attributes) {
                bits |= attribute.bit;
            }
            return bits;
        }

        static boolean sayAtime(Set<MountAttribute> attributes) {
            return attributes.contains(NOATIME)
                    || attributes.contains(RELATIME)
                    || attributes.contains(STRICTATIME);
        }
    }

    /// Mounts a new superblock of `source` at the folder `target`, whose last component is not
    /// followed when it is a symlink (ELOOP).
    ///
    /// `options` are the file system's own, each `flag` or `key=value`, passed whole, commas too;
    /// `ro` makes the superblock read-only where [MountAttribute#READ_ONLY] only makes this mount
    /// so. Where the file system refuses, the message has its own words. When this throws, nothing
    /// is mounted.
    public static void mount(
            String type,
            String source,
            Path target,
            Set<MountAttribute> attributes,
            List<String> options)
            throws ErrnoException {
        try (var place = openPlace(target)) {
            refuseSymlink(place);
            try (var mount = detachedMount(type, source, attributes, options)) {
                move(mount, place);
            }
        }
    }

    /// Mounts `source` detached (fsmount(2)): reached by the descriptor alone, and gone, superblock
    /// too, when it is closed without having been moved. Where the device's superblock is still
    /// alive from another mount, or from one that was unmounted frozen, this is a further mount of
    /// it.
    public static Fd detachedMount(
            String type, String source, Set<MountAttribute> attributes, List<String> options)
            throws ErrnoException {
        try (var context = FsContext.open(type, source)) {
            context.setString("source", source);
            for (var option : options) {
                context.set(option);
            }
            context.create();
            return context.mount(MountAttribute.bits(attributes));
        }
    }

    /// Whether a mount with these options would be understood, without any: an error as [#mount]
    /// has it where one is unknown or malformed.
    public static void requireKnown(String type, String source, List<String> options)
            throws ErrnoException {
        try (var context = FsContext.open(type, source)) {
            for (var option : options) {
                context.set(option);
            }
        }
    }

    /// Binds what is at `source`, folder or file, to `target`. Neither is followed when it is a
    /// symlink (ELOOP). Otherwise as [#bind(Fd, Fd, Set)].
    public static void bind(Path source, Path target, Set<MountAttribute> attributes)
            throws ErrnoException {
        try (var from = openPlace(source);
                var to = openPlace(target)) {
            bind(from, to, attributes);
        }
    }

    /// Binds what is open as `source` (O_PATH does) to what is open as `target`, wherever their
    /// names lead by now.
    ///
    /// The new mount has exactly these attributes from its first instant, whatever the mount has
    /// that `source` is in; only its atime attribute is kept where none is given. Mounts below
    /// `source` are not bound.
    public static void bind(Fd source, Fd target, Set<MountAttribute> attributes)
            throws ErrnoException {
        refuseSymlink(source);
        refuseSymlink(target);
        try (var mount = cloneOf(source)) {
            setAttributes(mount, attributes);
            move(mount, target);
        }
    }

    /// umount2(2) with UMOUNT_NOFOLLOW: EBUSY while anything there is open (after waiting briefly
    /// for those that only look), EINVAL where nothing is mounted. Never lazy. When it returns 0
    /// the superblock is gone too, unless it has other mounts or is frozen.
    public static void unmount(Path target) throws ErrnoException {
        var path = Syscall.cString(target);
        if (!Patience.until(LOOKERS, () -> unmounted(path, target))) {
            throw new ErrnoException("umount2", target.toString(), Errno.EBUSY);
        }
    }

    private static boolean unmounted(byte[] path, Path target) throws ErrnoException {
        try {
            Syscall.retrying("umount2", target, () -> LIBC.umount2(path, UMOUNT_NOFOLLOW));
            return true;
        } catch (ErrnoException e) {
            if (e.is(Errno.EBUSY)) {
                return false;
            }
            throw e;
        }
    }

    private static Fd openPlace(Path path) throws ErrnoException {
        return Fd.open(path, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW);
    }

    /// O_PATH with O_NOFOLLOW opens a symlink itself, which could be mounted on, or bound elsewhere
    /// and followed there.
    private static void refuseSymlink(Fd place) throws ErrnoException {
        if (place.stat().isSymlink()) {
            throw new ErrnoException("openat", place.toString(), Errno.ELOOP);
        }
    }

    private static Fd cloneOf(Fd source) throws ErrnoException {
        var flags = OPEN_TREE_CLONE | OpenFlags.O_CLOEXEC | SystemCalls.AT_EMPTY_PATH;
        var result =
                LIBC.syscall(SystemCalls.OPEN_TREE, source.number(), Syscall.EMPTY_PATH, flags, 0);
        return Fd.of(Syscall.once("open_tree", source, result), "a bind of " + source);
    }

    private static void setAttributes(Fd mount, Set<MountAttribute> attributes)
            throws ErrnoException {
        var set = MountAttribute.bits(attributes);
        var clear = ALL_BUT_ATIME & ~set;
        if (MountAttribute.sayAtime(attributes)) {
            clear |= ATIME;
        }
        try {
            setAttributes(mount, set, clear);
        } catch (ErrnoException e) {
            // Kernels before 5.14 refuse the very bit of NOSYMFOLLOW, and have none to clear.
            if (!e.is(Errno.EINVAL) || attributes.contains(MountAttribute.NOSYMFOLLOW)) {
                throw e;
            }
            setAttributes(mount, set, clear & ~MountAttribute.NOSYMFOLLOW.bit);
        }
    }

    private static void setAttributes(Fd mount, long set, long clear) throws ErrnoException {
        var structure = new byte[MOUNT_ATTR_SIZE];
        ByteBuffer.wrap(structure).order(ByteOrder.nativeOrder()).putLong(0, set).putLong(8, clear);
        var result =
                LIBC.syscall(
                        SystemCalls.MOUNT_SETATTR,
                        mount.number(),
                        Syscall.EMPTY_PATH,
                        SystemCalls.AT_EMPTY_PATH,
                        structure,
                        MOUNT_ATTR_SIZE);
        Syscall.once("mount_setattr", mount, result);
    }

    static void move(Fd mount, Fd target) throws ErrnoException {
        var result =
                LIBC.syscall(
                        SystemCalls.MOVE_MOUNT,
                        mount.number(),
                        Syscall.EMPTY_PATH,
                        target.number(),
                        Syscall.EMPTY_PATH,
                        MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
        Syscall.once("move_mount", target, result);
    }
}
