package dev.stowage.linux;

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
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.IntPredicate;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/// Loop devices (linux/loop.h). They belong to the whole machine: what is found here may be
/// anybody's, and it is the backing file's identity together with the name that says whose. No
/// volume's device is ever bound with LO_FLAGS_AUTOCLEAR, which would detach a device that nobody
/// holds open ([PassingLoopDevice] is).
public final class LoopDevices {
    /// LOOP_MAJOR (linux/major.h) as mountinfo writes device numbers.
    public static final String MAJOR = LoopNodes.LOOP_MAJOR + ":";

    private static final Path CONTROL = Path.of("/dev/loop-control");
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
        return attach(
                nodes,
                image,
                name,
                blockSize,
                readOnly ? LoopStatus.LO_FLAGS_READ_ONLY : 0,
                (number, device) -> describe(nodes, number, device, LoopStatus.read(device)));
    }

    /// What is made of a device that was just bound; the descriptor is closed after it.
    interface Bound<T> {
        T of(int number, Fd device) throws ErrnoException;
    }

    static <T> T attach(
            LoopNodes nodes, Path image, String name, int blockSize, int flags, Bound<T> bound)
            throws ErrnoException {
        var readOnly = (flags & LoopStatus.LO_FLAGS_READ_ONLY) != 0;
        var mode = readOnly ? OpenFlags.O_RDONLY : OpenFlags.O_RDWR;
        try (var file = Fd.open(image, mode | OpenFlags.O_NOFOLLOW)) {
            if (!file.stat().isRegularFile()) {
                throw new ErrnoException(
                        "LOOP_CONFIGURE", image + ", not a regular file", Errno.EINVAL);
            }
            var all = flags | LoopStatus.LO_FLAGS_DIRECT_IO;
            var configuration = LoopStatus.configuration(file, blockSize, all, nameBytes(name));
            return bindFreeDevice(nodes, mode, configuration, bound);
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
    private static <T> T bindFreeDevice(
            LoopNodes nodes, int mode, byte[] configuration, Bound<T> bound) throws ErrnoException {
        try (var control = Fd.open(CONTROL, OpenFlags.O_RDWR)) {
            var last = -1;
            for (var attempt = 1; ; attempt++) {
                var number = (int) control.ioctl("LOOP_CTL_GET_FREE", LOOP_CTL_GET_FREE, 0L);
                if (number == last) {
                    number = (int) control.ioctl("LOOP_CTL_ADD", LOOP_CTL_ADD, -1L);
                }
                try (var device = nodes.open(number, mode)) {
                    device.ioctl("LOOP_CONFIGURE", LOOP_CONFIGURE, configuration);
                    return bound.of(number, device);
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

    /// The bound devices of the machine at one moment, by number; most are not ours.
    ///
    /// @param readable as the kernel describes them
    /// @param unreadable those that it can't describe: whose they are is not known, so whoever
    ///     might be concerned must not take them for somebody else's
    public record Found(List<LoopDevice> readable, List<UnreadableLoop> unreadable) {
        public Found {
            readable = List.copyOf(readable);
            unreadable = List.copyOf(unreadable);
        }
    }

    /// Looks at all bound devices.
    public static Found find() throws IOException {
        return find(NODES, _ -> true, _ -> true);
    }

    /// All bound devices that can be read, by number.
    public static List<LoopDevice> all() throws IOException {
        return find().readable();
    }

    /// As [#find()], but of those that can be read only such as are bound to this file, which has
    /// just been looked at, or have such a name. A process that may not open devices, as the
    /// controller of mode central, goes by the path that sysfs shows: EPERM or EACCES if it leads
    /// to this file.
    ///
    /// @param named whether a device is wanted for its name, whatever it is bound to
    public static Found boundTo(FileId image, Predicate<String> named) throws IOException {
        return boundTo(NODES, image, named);
    }

    static Found boundTo(LoopNodes nodes, FileId image, Predicate<String> named)
            throws IOException {
        return find(
                nodes,
                status -> status.image().equals(image) || named.test(status.name()),
                number -> hasFile(number, image));
    }

    /// @param secret whether a device that may not be opened is in the way
    private static Found find(LoopNodes nodes, Predicate<LoopStatus> wanted, IntPredicate secret)
            throws IOException {
        var readable = new ArrayList<LoopDevice>();
        var unreadable = new ArrayList<UnreadableLoop>();
        for (var number : bound()) {
            try {
                read(nodes, number, wanted).ifPresent(readable::add);
            } catch (ErrnoException e) {
                if (isUnreadable(e)) {
                    unreadable(nodes, number, e).ifPresent(unreadable::add);
                } else if (!e.is(Errno.EPERM, Errno.EACCES) || secret.test(number)) {
                    throw e;
                }
            }
        }
        return new Found(readable, unreadable);
    }

    private static boolean isUnreadable(ErrnoException e) {
        return e.call().equals(LoopStatus.READ);
    }

    /// Empty where the device was detached in the meantime.
    private static Optional<UnreadableLoop> unreadable(
            LoopNodes nodes, int number, ErrnoException why) {
        var loop = UnreadableLoop.of(nodes, number, why);
        return isBound(number) ? Optional.of(loop) : Optional.empty();
    }

    private static boolean hasFile(int number, FileId image) {
        try {
            var file = new LoopSysfs(number).backingFile();
            return KernelText.isUtf8(file) && Linux.stat(Path.of(file)).id().equals(image);
        } catch (ErrnoException e) {
            return false; // detached meanwhile, or of another container
        }
    }

    /// The devices whose file lies in this file system, as far as they can be read.
    ///
    /// @param device `major:minor`, as [MountPoint#device()]
    public static List<LoopDevice> within(String device) throws IOException {
        var numbers = device.split(":", 2);
        var number = Stat.deviceNumber(Integer.parseInt(numbers[0]), Integer.parseInt(numbers[1]));
        return all().stream().filter(loop -> loop.image().dev() == number).toList();
    }

    /// The bound devices whose file has such a path, with that path. Opens nothing.
    public static Map<Path, String> withFiles(Predicate<String> wanted) throws IOException {
        var found = new TreeMap<Path, String>();
        for (var number : bound()) {
            var file = new LoopSysfs(number).backingFile();
            if (wanted.test(file)) {
                found.put(NODES.path(number), file);
            }
        }
        return found;
    }

    /// The device behind a device file; empty where the path is not of a bound loop device.
    public static Optional<LoopDevice> at(Path device) throws ErrnoException {
        var number = number(device).filter(LoopDevices::isBound);
        return number.isPresent() ? read(number.get(), _ -> true) : Optional.empty();
    }

    /// Whether the path is of a loop device, and that is bound to something.
    public static boolean boundAt(Path device) throws ErrnoException {
        return number(device).filter(LoopDevices::isBound).isPresent();
    }

    private static Optional<Integer> number(Path device) throws ErrnoException {
        return Linux.statIfExists(device)
                .filter(Stat::isBlockDevice)
                .filter(stat -> Stat.major(stat.rdev()) == LoopNodes.LOOP_MAJOR)
                .map(stat -> Stat.minor(stat.rdev()));
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
        return heldByAnother(loop.number());
    }

    static boolean heldByAnother(int number) throws ErrnoException {
        try (var _ = NODES.open(number, OpenFlags.O_RDONLY | OpenFlags.O_EXCL)) {
            return false;
        } catch (ErrnoException e) {
            if (e.is(Errno.EBUSY)) {
                return true;
            }
            throw e;
        }
    }

    /// What can be seen of the device that was read a moment ago, if by now it can't be; empty if
    /// it can, or is bound no more.
    public static Optional<UnreadableLoop> unreadable(LoopDevice loop) throws ErrnoException {
        try {
            read(loop.number(), _ -> true);
            return Optional.empty();
        } catch (ErrnoException e) {
            if (isUnreadable(e)) {
                return unreadable(NODES, loop.number(), e);
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
                    LoopStatus.READ, loop.path() + ", no longer of " + loop.name(), Errno.ENXIO);
        }
        return status;
    }

    private static boolean isStill(LoopDevice loop) throws ErrnoException {
        return isBound(loop.number())
                && read(loop.number(), status -> status.isOf(loop.image(), loop.name()))
                        .isPresent();
    }

    private static boolean isBound(int number) {
        return new LoopSysfs(number).isBound();
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
            // ENOENT from the file's own file system is none from /dev
            if (e.is(Errno.ENXIO) || e.is(Errno.ENOENT) && !isUnreadable(e)) {
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
