package dev.stowage.linux;

import java.nio.file.Path;

/// A bound loop device of which the kernel doesn't say what it is bound to, since the file system
/// of its file is dead (LOOP_GET_STATUS64 asks it). What is known comes from sysfs.
///
/// @param path `/dev/loopN`
/// @param file the path of its file, seen from here or, where its mount is not in this mount
///     namespace (any more), from that mount's root; ends in ` (deleted)` where the file was. Empty
///     where the kernel doesn't show it.
/// @param why what the kernel said
public record UnreadableLoop(
        int number,
        Path path,
        String file,
        boolean readOnly,
        long sizeBytes,
        int blockSize,
        ErrnoException why) {
    private static final long LOOP_CLR_FD = 0x4C01;
    private static final String DELETED = " (deleted)";

    static UnreadableLoop of(LoopNodes nodes, int number, ErrnoException why) {
        var sysfs = new LoopSysfs(number);
        return new UnreadableLoop(
                number,
                nodes.path(number),
                sysfs.backingFile(),
                sysfs.readOnly(),
                sysfs.sizeBytes(),
                sysfs.blockSize(),
                why);
    }

    /// The path of its file without what the kernel adds.
    public String filePath() {
        return file.endsWith(DELETED) ? file.substring(0, file.length() - DELETED.length()) : file;
    }

    /// Whether it is still bound as it was.
    public boolean isStill() {
        var sysfs = new LoopSysfs(number);
        return sysfs.isBound() && sysfs.backingFile().equals(file);
    }

    /// As [LoopDevices#heldByAnother]; a device that is bound no more is held by nobody.
    public boolean heldByAnother() throws ErrnoException {
        return isStill() && LoopDevices.heldByAnother(number);
    }

    /// Unbinds the device as soon as nobody has it open: at once, or with the unmount of the file
    /// system on it, also if this process is killed before that. Whose it is can't be checked here;
    /// the caller must know. Bound otherwise by now: nothing happens; EAGAIN where it can be read
    /// again.
    public void detachWhenClosed() throws ErrnoException {
        try (var device = Fd.open(path, OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW)) {
            // from here on it can't be bound to another file
            requireUnreadable(device);
            if (isStill()) {
                device.ioctl("LOOP_CLR_FD", LOOP_CLR_FD, 0L);
            }
        } catch (ErrnoException e) {
            if (!e.is(Errno.ENXIO)) {
                throw e;
            }
        }
    }

    private void requireUnreadable(Fd device) throws ErrnoException {
        try {
            LoopStatus.read(device);
        } catch (ErrnoException e) {
            if (e.is(Errno.ENXIO)) {
                throw e;
            }
            return;
        }
        throw new ErrnoException(LoopStatus.READ, path + ", which can be read again", Errno.EAGAIN);
    }
}
