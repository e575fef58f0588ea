package dev.stowage.linux;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/// Loop devices (linux/loop.h). They belong to the whole machine: what is found here may be
/// anybody's, and it is the backing file's identity together with the name that says whose. Nothing
/// here is ever bound with LO_FLAGS_AUTOCLEAR, which would detach a device that nobody holds open.
public final class LoopDevices {
    private static final Path CONTROL = Path.of("/dev/loop-control");
    private static final File SYS_BLOCK = new File("/sys/block");
    private static final Path PARTITIONS = Path.of("/proc/partitions");
    private static final Pattern PARTITION = Pattern.compile(" 7 +\\d+ +\\d+ loop(\\d+)\n");
    private static final LoopNodes NODES = new LoopNodes(Path.of("/dev"));

    private static final long LOOP_CLR_FD = 0x4C01;
    private static final long LOOP_SET_CAPACITY = 0x4C07;
    private static final long LOOP_CONFIGURE = 0x4C0A;
    private static final long LOOP_CTL_ADD = 0x4C80;
    private static final long LOOP_CTL_GET_FREE = 0x4C82;

    /// linux/fs.h: the logical block size, an int
    private static final long BLKSSZGET = 0x1268;

    private static final long BLKFLSBUF = 0x1261;

    /// How often a free device may be taken by others before we could bind it.
    private static final int ATTEMPTS = 100;

    /// Whoever only looks at a device (udev, blkid, a scan of ours) has it open for milliseconds.
    private static final Duration LOOKERS = Duration.ofMillis(250);

    private static final Duration UNBOUND = Duration.ofSeconds(1);

    private LoopDevices() {}

    /// Binds a free loop device to the image, with direct I/O where the image's file system allows
    /// it (see [LoopDevice#directIo()]). Always a new one, also where the image has one already:
    /// callers look first.
    ///
    /// @param name at most 63 bytes of UTF-8, not empty
    /// @param blockSize logical, a power of two from 512 to the page size
    public static LoopDevice attach(Path image, String name, int blockSize, boolean readOnly)
            throws ErrnoException {
        return attach(NODES, image, name, blockSize, readOnly);
    }

    static LoopDevice attach(
            LoopNodes nodes, Path image, String name, int blockSize, boolean readOnly)
            throws ErrnoException {
        var mode = readOnly ? OpenFlags.O_RDONLY : OpenFlags.O_RDWR;
        var flags = LoopStatus.LO_FLAGS_DIRECT_IO | (readOnly ? LoopStatus.LO_FLAGS_READ_ONLY : 0);
        try (var file = Fd.open(image, mode | OpenFlags.O_NOFOLLOW)) {
            if (!file.stat().isRegularFile()) {
                throw new ErrnoException(
                        "LOOP_CONFIGURE", image + ", not a regular file", Errno.EINVAL);
            }
            var configuration = LoopStatus.configuration(file, blockSize, flags, nameBytes(name));
            return bindFreeDevice(nodes, mode, configuration);
        }
    }

    private static byte[] nameBytes(String name) {
        var bytes = name.getBytes(StandardCharsets.UTF_8);
        if (bytes.length == 0 || bytes.length > LoopStatus.NAME_BYTES || name.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(
                    "A loop device's name has 1 to "
                            + LoopStatus.NAME_BYTES
                            + " bytes, not: "
                            + name);
        }
        return bytes;
    }

    /// Between the kernel's answer "N is free" and our binding it another process may have been
    /// quicker (EBUSY). Where the same N is in the way twice, somebody holds it exclusively though
    /// it is unbound: a new one is added.
    private static LoopDevice bindFreeDevice(LoopNodes nodes, int mode, byte[] configuration)
            throws ErrnoException {
        try (var control = Fd.open(CONTROL, OpenFlags.O_RDWR)) {
            var last = -1;
            for (var attempt = 1; ; attempt++) {
                var number = (int) control.ioctl("LOOP_CTL_GET_FREE", LOOP_CTL_GET_FREE, 0L);
                if (number == last) {
                    number = (int) control.ioctl("LOOP_CTL_ADD", LOOP_CTL_ADD, -1L);
                }
                try (var device = nodes.open(number, mode)) {
                    device.ioctl("LOOP_CONFIGURE", LOOP_CONFIGURE, configuration);
                    return describe(nodes, number, device, LoopStatus.read(device));
                } catch (ErrnoException e) {
                    // ENXIO: the device was removed in the meantime (LOOP_CTL_REMOVE), or is being
                    // detached.
                    if (!e.is(Errno.EBUSY, Errno.ENXIO) || attempt == ATTEMPTS) {
                        throw e;
                    }
                }
                last = number;
            }
        }
    }

    /// All bound devices of the machine, by number; most are not ours.
    public static List<LoopDevice> all() throws IOException {
        return all(_ -> true);
    }

    /// As [#all()]; but where a device's status can't be read, because the file system of its file
    /// is dead, that is an error only if it may concern the caller; else the device is left out.
    ///
    /// @param concerns the path of the file, as the kernel shows it
    public static List<LoopDevice> all(Predicate<String> concerns) throws IOException {
        var devices = new ArrayList<LoopDevice>();
        for (var number : bound()) {
            try {
                read(number, _ -> true).ifPresent(devices::add);
            } catch (ErrnoException e) {
                if (!e.call().equals("LOOP_GET_STATUS64") || concerns.test(backingFile(number))) {
                    throw e;
                }
            }
        }
        return devices;
    }

    /// Empty where the device was detached in the meantime.
    private static String backingFile(int number) {
        var file = new File(SYS_BLOCK, "loop" + number + "/loop/backing_file");
        try {
            return Files.readString(file.toPath());
        } catch (IOException e) {
            return "";
        }
    }

    /// Those that are bound to this file, which has just been looked at. A device whose status
    /// can't be read is none of them: the kernel asks the file system of its file
    /// (LOOP_GET_STATUS64), and somebody's dead file system must not keep others from their work.
    /// A process that may not open devices, as the controller of mode central, goes by the path
    /// that sysfs shows: EPERM or EACCES if it leads to this file.
    public static List<LoopDevice> boundTo(FileId image) throws IOException {
        return boundTo(NODES, image);
    }

    static List<LoopDevice> boundTo(LoopNodes nodes, FileId image) throws IOException {
        var devices = new ArrayList<LoopDevice>();
        for (var number : bound()) {
            try {
                read(nodes, number, status -> status.image().equals(image)).ifPresent(devices::add);
            } catch (ErrnoException e) {
                if (!e.call().equals("LOOP_GET_STATUS64")
                        && !(e.is(Errno.EPERM, Errno.EACCES) && !hasFile(number, image))) {
                    throw e;
                }
            }
        }
        return devices;
    }

    private static boolean hasFile(int number, FileId image) {
        try {
            return Linux.stat(Path.of(backingFile(number).stripTrailing())).id().equals(image);
        } catch (ErrnoException e) {
            return false; // detached meanwhile, or of another container
        }
    }

    /// The device behind a device file; empty where the path is not of a bound loop device.
    public static Optional<LoopDevice> at(Path device) throws ErrnoException {
        var stat = Linux.statIfExists(device);
        if (stat.isEmpty()
                || !stat.get().isBlockDevice()
                || Stat.major(stat.get().rdev()) != LoopNodes.LOOP_MAJOR) {
            return Optional.empty();
        }
        var number = Stat.minor(stat.get().rdev());
        return isBound(number) ? read(number, _ -> true) : Optional.empty();
    }

    /// Writes out what is in memory for the device, and first what the file system that is mounted
    /// from it has, in whichever mount namespace that is (BLKFLSBUF: block/ioctl.c,
    /// fs_bdev_sync). btrfs takes no part on kernels on which it does not own its device that way.
    public static void flush(LoopDevice loop) throws ErrnoException {
        try (var device = NODES.open(loop.number(), OpenFlags.O_RDONLY)) {
            requireSame(loop, device);
            device.ioctl("BLKFLSBUF", BLKFLSBUF, 0L);
            device.fsync();
        }
    }

    /// Lets the device see the size that its image has now (LOOP_SET_CAPACITY). ENXIO where it is
    /// no longer bound to that image under that name.
    public static void adoptNewSize(LoopDevice loop) throws ErrnoException {
        try (var device = NODES.open(loop.number(), OpenFlags.O_RDONLY)) {
            requireSame(loop, device);
            device.ioctl("LOOP_SET_CAPACITY", LOOP_SET_CAPACITY, 0L);
        }
    }

    /// Whether a mounted file system, or a program that opened it with O_EXCL, has the device.
    /// Openers without O_EXCL are not seen.
    public static boolean heldByAnother(LoopDevice loop) throws ErrnoException {
        try (var _ = NODES.open(loop.number(), OpenFlags.O_RDONLY | OpenFlags.O_EXCL)) {
            return false;
        } catch (ErrnoException e) {
            if (e.is(Errno.EBUSY)) {
                return true;
            }
            throw e;
        }
    }

    /// Unbinds the device; when this returns it is unbound, or was no longer this image's. EBUSY
    /// where a mount or a program holds it (after waiting briefly for those that only look at it);
    /// it stays bound then.
    public static void detach(LoopDevice loop) throws ErrnoException {
        if (!isStill(loop)) {
            return;
        }
        // LOOP_CLR_FD on a device that others have open answers 0 and detaches it when they close
        // it: so mounts are looked for first, and afterwards whether it came true.
        if (!Patience.until(LOOKERS, () -> clear(loop))) {
            throw new ErrnoException(
                    "LOOP_CLR_FD", loop.path() + ", which is mounted or in use", Errno.EBUSY);
        }
        if (!Patience.until(UNBOUND, () -> !isStill(loop))) {
            keep(loop);
            throw new ErrnoException(
                    "LOOP_CLR_FD", loop.path() + ", which a program has open", Errno.EBUSY);
        }
    }

    /// False where somebody holds the device exclusively.
    private static boolean clear(LoopDevice loop) throws ErrnoException {
        try (var device = NODES.open(loop.number(), OpenFlags.O_RDONLY | OpenFlags.O_EXCL)) {
            requireSame(loop, device);
            device.ioctl("LOOP_CLR_FD", LOOP_CLR_FD, 0L);
            return true;
        } catch (ErrnoException e) {
            if (e.is(Errno.ENXIO)) {
                return true;
            }
            if (e.is(Errno.EBUSY)) {
                return false;
            }
            throw e;
        }
    }

    /// Takes back what LOOP_CLR_FD left behind when it could not detach at once.
    private static void keep(LoopDevice loop) throws ErrnoException {
        try (var device = NODES.open(loop.number(), OpenFlags.O_RDWR)) {
            requireSame(loop, device).withoutAutoclear(device);
        }
    }

    private static LoopStatus requireSame(LoopDevice loop, Fd device) throws ErrnoException {
        var status = LoopStatus.read(device);
        if (!status.isOf(loop.image(), loop.name())) {
            throw new ErrnoException(
                    "LOOP_GET_STATUS64",
                    loop.path() + ", no longer of " + loop.name(),
                    Errno.ENXIO);
        }
        return status;
    }

    private static boolean isStill(LoopDevice loop) throws ErrnoException {
        return isBound(loop.number())
                && read(loop.number(), status -> status.isOf(loop.image(), loop.name()))
                        .isPresent();
    }

    /// Without opening the device: an opener, however brief, is in the way of whoever detaches it.
    private static boolean isBound(int number) {
        return new File(SYS_BLOCK, "loop" + number + "/loop").exists();
    }

    /// The loop devices that have a size (/proc/partitions), which an unbound one has not: one file
    /// for all of them, where sysfs would be asked for each.
    private static List<Integer> bound() throws IOException {
        var found = new ArrayList<Integer>();
        var partitions = PARTITION.matcher(Files.readString(PARTITIONS));
        while (partitions.find()) {
            found.add(Integer.valueOf(partitions.group(1)));
        }
        Collections.sort(found);
        return found;
    }

    /// Empty where the device is not wanted, or was detached in the meantime.
    private static Optional<LoopDevice> read(int number, Predicate<LoopStatus> wanted)
            throws ErrnoException {
        return read(NODES, number, wanted);
    }

    private static Optional<LoopDevice> read(
            LoopNodes nodes, int number, Predicate<LoopStatus> wanted) throws ErrnoException {
        try (var device = nodes.open(number, OpenFlags.O_RDONLY)) {
            var status = LoopStatus.read(device);
            return wanted.test(status)
                    ? Optional.of(describe(nodes, number, device, status))
                    : Optional.empty();
        } catch (ErrnoException e) {
            if (e.is(Errno.ENXIO, Errno.ENOENT)) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private static LoopDevice describe(LoopNodes nodes, int number, Fd device, LoopStatus status)
            throws ErrnoException {
        var blockSize = new byte[Integer.BYTES];
        device.ioctl("BLKSSZGET", BLKSSZGET, blockSize);
        return new LoopDevice(
                number,
                nodes.path(number),
                status.image(),
                status.name(),
                status.has(LoopStatus.LO_FLAGS_READ_ONLY),
                status.has(LoopStatus.LO_FLAGS_DIRECT_IO),
                device.blockDeviceBytes(),
                ByteBuffer.wrap(blockSize).order(ByteOrder.nativeOrder()).getInt());
    }
}
