package dev.stowage.linux;

import java.nio.file.Path;

/// Whether a file system is frozen. The kernel has no query for it, but refuses to reconfigure a
/// frozen superblock before it looks at anything else (EBUSY, reconfigure_super in fs/super.c). So
/// it is asked to, without any option: ext4 and btrfs then keep what they have. XFS takes its
/// default where an option is not given (inode64 in place of inode32), so it is asked for what it
/// refuses to everybody (`sunit` without `swidth`), which leaves a line in the kernel's log. One
/// that is mounted read-only is not asked: asked for nothing it would become writable. (After an
/// error that made it read-only, ext4 and btrfs refuse that too.)
///
/// The answer is of one moment. Nothing that might hang on a frozen file system is safe after it.
public final class FreezeProbe {
    private static final String REFUSED_BY_XFS = "sunit";
    private static final String UNIT = "8";

    private FreezeProbe() {}

    /// False where it is mounted read-only.
    ///
    /// @param mountPoint of an ext3, ext4, XFS or btrfs
    /// @throws ErrnoException EINVAL where nothing is mounted; EPERM without CAP_SYS_ADMIN
    public static boolean frozen(Path mountPoint) throws ErrnoException {
        var usage = Usage.read(mountPoint);
        if (usage.readOnly()) {
            return false;
        }
        try (var picked = FsContext.pick(mountPoint)) {
            if (usage.type() == Usage.XFS) {
                picked.setString(REFUSED_BY_XFS, UNIT);
            }
            return picked.reconfigure().filter(Errno.EBUSY::equals).isPresent();
        }
    }

    /// As [#frozen(Path)], of the mount whose root is open.
    public static boolean frozen(Fd root) throws ErrnoException {
        return frozen(root.path());
    }
}
