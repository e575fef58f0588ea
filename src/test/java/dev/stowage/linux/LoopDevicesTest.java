package dev.stowage.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.LoopFileSystem.Kind;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class LoopDevicesTest {
    private static final long BYTES = 4 << 20;
    private static final String NAME = "stowage:node:volume";

    @TempDir(factory = TestFolder.class)
    Path folder;

    private final List<LoopDevice> attached = new ArrayList<>();
    private Path image;

    @BeforeEach
    void makeAnImage() throws Exception {
        image = LoopFileSystem.sparseFile(folder.resolve("image"), BYTES);
    }

    @AfterEach
    void detachAll() throws Exception {
        for (var device : attached) {
            LoopDevices.detach(device);
        }
    }

    private static Optional<LoopDevice> find(FileId image, String name) throws IOException {
        return LoopDevices.boundTo(image, _ -> false).readable().stream()
                .filter(device -> device.name().equals(name))
                .findFirst();
    }

    private LoopDevice attach(Path file, String name, int blockSize, boolean readOnly)
            throws ErrnoException {
        var device = LoopDevices.attach(file, name, blockSize, readOnly);
        attached.add(device);
        return device;
    }

    private LoopDevice attach() throws ErrnoException {
        return attach(image, NAME, 512, false);
    }

    @Test
    void anAttachedImageIsDescribedAsItWasAskedFor() throws Exception {
        var device = attach(image, NAME, 4096, false);

        assertThat(device.image()).isEqualTo(Linux.stat(image).id());
        assertThat(device.name()).isEqualTo(NAME);
        assertThat(device.sizeBytes()).isEqualTo(BYTES);
        assertThat(device.blockSize()).isEqualTo(4096);
        assertThat(device.readOnly()).isFalse();
        assertThat(device.directIo()).isTrue();
        assertThat(device.path()).isEqualTo(Path.of("/dev/loop" + device.number()));
        assertThat(LoopDevices.at(device.path())).contains(device);
        assertThat(LoopDevices.all()).contains(device);
        var autoclear = Path.of("/sys/block/loop" + device.number() + "/loop/autoclear");
        assertThat(autoclear).hasContent("0");
    }

    @Test
    void bytesWrittenToTheDeviceAreInTheImage() throws Exception {
        try (var device = Fd.open(attach().path(), OpenFlags.O_RDWR);
                var file = Fd.open(image, OpenFlags.O_RDONLY)) {
            assertThat(device.write(ByteBuffer.wrap(new byte[] {42}), 8192)).isEqualTo(1);
            device.fsync();
            var read = ByteBuffer.allocate(1);
            assertThat(file.read(read, 8192)).isEqualTo(1);
            assertThat(read.get(0)).isEqualTo((byte) 42);
        }
    }

    @Test
    @DisplayName("20: a read-only device refuses every write, whoever opens it")
    void aReadOnlyDeviceRefusesWrites() throws Exception {
        var device = attach(image, NAME, 512, true);
        assertThat(device.readOnly()).isTrue();
        try (var opened = Fd.open(device.path(), OpenFlags.O_RDWR)) {
            assertThatThrownBy(() -> opened.write(ByteBuffer.wrap(new byte[512]), 0))
                    .isInstanceOfSatisfying(
                            ErrnoException.class,
                            e -> assertThat(e.errno()).isEqualTo(Errno.EPERM));
        } catch (ErrnoException e) {
            assertThat(e.errno()).isEqualTo(Errno.EACCES); // some kernels refuse the open already
        }
        try (var file = Fd.open(image, OpenFlags.O_RDONLY)) {
            assertThat(file.seekData(0)).isEqualTo(-1);
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName(
            "26: a device is found again by its image's identity and its name, on every file system")
    void aDeviceIsFoundByItsImagesIdentityAndName(Kind kind) throws Exception {
        try (var pool = LoopFileSystem.make(folder, kind, kind.leastBytes())) {
            var inner = LoopFileSystem.sparseFile(pool.mountPoint().resolve("inner"), 1 << 20);
            var device = LoopDevices.attach(inner, NAME, 512, false);
            try {
                var id = Linux.stat(inner).id();
                assertThat(find(id, NAME)).contains(device);
                assertThat(find(id, NAME + "x")).isEmpty();
                assertThat(find(new FileId(id.dev(), id.ino() + 1), NAME)).isEmpty();
            } finally {
                LoopDevices.detach(device);
            }
            assertThat(find(Linux.stat(inner).id(), NAME)).isEmpty();
        }
    }

    @Test
    @DisplayName("29: another file of the same name is another image")
    void anImageReplacedByAnotherFileIsNotTheSame() throws Exception {
        var device = attach();
        Files.delete(image);
        LoopFileSystem.sparseFile(image, BYTES);
        assertThat(find(Linux.stat(image).id(), NAME)).isEmpty();
        assertThat(find(device.image(), NAME)).contains(device);
    }

    @Test
    void aNameOf63BytesIsKeptAndALongerOneRefused() throws Exception {
        var longest = "stowage:" + "n".repeat(55);
        assertThat(attach(image, longest, 512, false).name()).isEqualTo(longest);
        for (var name : List.of(longest + "n", "", "a\0b")) {
            assertThatThrownBy(() -> LoopDevices.attach(image, name, 512, false))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void whatIsNoImageIsRefused() throws Exception {
        var link = Files.createSymbolicLink(folder.resolve("link"), image);
        assertThatThrownBy(() -> LoopDevices.attach(link, NAME, 512, false))
                .hasMessageContaining("ELOOP");
        assertThatThrownBy(() -> LoopDevices.attach(folder, NAME, 512, true))
                .hasMessageContaining("EINVAL");
        assertThatThrownBy(() -> LoopDevices.attach(folder.resolve("no"), NAME, 512, false))
                .hasMessageContaining("ENOENT");
        assertThatThrownBy(() -> LoopDevices.attach(image, NAME, 1000, false))
                .hasMessageContaining("EINVAL");
        assertThat(find(Linux.stat(image).id(), NAME)).isEmpty();
    }

    @Test
    void aGrownImageIsAdopted() throws Exception {
        var device = attach();
        try (var file = Fd.open(image, OpenFlags.O_RDWR)) {
            file.truncate(2 * BYTES);
        }
        assertThat(LoopDevices.at(device.path()).orElseThrow().sizeBytes()).isEqualTo(BYTES);
        LoopDevices.adoptNewSize(device);
        assertThat(LoopDevices.at(device.path()).orElseThrow().sizeBytes()).isEqualTo(2 * BYTES);
    }

    @Test
    @DisplayName("27: a device that is another's by now is neither detached nor resized")
    void aDeviceOfAnotherIsNotTouched() throws Exception {
        var theirs = attach(image, "somebody:else", 512, false);
        var ours =
                new LoopDevice(
                        theirs.number(),
                        theirs.path(),
                        theirs.image(),
                        NAME,
                        false,
                        true,
                        BYTES,
                        512);
        var replaced =
                new LoopDevice(
                        theirs.number(),
                        theirs.path(),
                        new FileId(1, 2),
                        theirs.name(),
                        false,
                        true,
                        BYTES,
                        512);
        for (var stale : List.of(ours, replaced)) {
            LoopDevices.detach(stale);
            assertThatThrownBy(() -> LoopDevices.adoptNewSize(stale)).hasMessageContaining("ENXIO");
        }
        assertThat(LoopDevices.at(theirs.path())).contains(theirs);
    }

    @Test
    void detachingTwiceIsHarmless() throws Exception {
        var device = attach();
        LoopDevices.detach(device);
        assertThat(LoopDevices.at(device.path()).filter(now -> now.image().equals(device.image())))
                .isEmpty();
        LoopDevices.detach(device);
    }

    @Test
    void aMountedDeviceIsHeldAndStaysBound() throws Exception {
        try (var volume = LoopFileSystem.make(folder, Kind.EXT4, Kind.EXT4.leastBytes())) {
            assertThat(LoopDevices.heldByAnother(volume.device())).isTrue();
            assertThatThrownBy(() -> LoopDevices.detach(volume.device()))
                    .isInstanceOfSatisfying(
                            ErrnoException.class,
                            e -> assertThat(e.errno()).isEqualTo(Errno.EBUSY));
            assertThat(LoopDevices.at(volume.device().path())).contains(volume.device());
            volume.unmount();
            assertThat(LoopDevices.heldByAnother(volume.device())).isFalse();
        }
    }

    @Test
    void aDeviceThatAProgramHasOpenStaysBoundWhenTheProgramCloses() throws Exception {
        var device = attach();
        try (var _ = Fd.open(device.path(), OpenFlags.O_RDONLY)) {
            assertThatThrownBy(() -> LoopDevices.detach(device))
                    .isInstanceOfSatisfying(
                            ErrnoException.class,
                            e -> assertThat(e.errno()).isEqualTo(Errno.EBUSY));
        }
        assertThat(LoopDevices.at(device.path())).contains(device);
    }

    @Test
    void whoOnlyLooksIsWaitedFor() throws Exception {
        var stop = new AtomicBoolean();
        var scanner =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    try {
                                        while (!stop.get()) {
                                            LoopDevices.all();
                                        }
                                    } catch (IOException e) {
                                        throw new UncheckedIOException(e);
                                    }
                                });
        try {
            for (var i = 0; i < 50; i++) {
                LoopDevices.detach(attach());
                attached.clear();
            }
        } finally {
            stop.set(true);
            scanner.join();
        }
    }

    @Test
    @DisplayName("28: a missing device file is made, and a wrong one refused")
    void aMissingDeviceFileIsMade() throws Exception {
        var nodes = new LoopNodes(Files.createDirectory(folder.resolve("dev")));
        var device = LoopDevices.attach(nodes, image, NAME, 512, false);
        var usual = find(device.image(), NAME).orElseThrow();
        attached.add(usual);

        var node = Linux.lstat(device.path());
        assertThat(device.path().getParent()).isEqualTo(nodes.folder());
        assertThat(node.isBlockDevice()).isTrue();
        assertThat(node.mode() & 07777).isEqualTo(0600);
        assertThat(node.rdev()).isEqualTo(Linux.stat(usual.path()).rdev());

        Files.delete(device.path());
        Files.writeString(device.path(), "not a device");
        assertThatThrownBy(() -> nodes.open(device.number(), OpenFlags.O_RDONLY))
                .hasMessageContaining("ENXIO");
        Files.delete(device.path());
    }

    @Test
    @DisplayName(
            "28: when all devices are taken, new ones are added; of those who race each gets its own")
    void manyAttachesAtOnceGetADeviceEach() throws Exception {
        var count = 24; // more than the 8 that a kernel starts with
        var images = new ArrayList<Path>();
        for (var i = 0; i < count; i++) {
            images.add(LoopFileSystem.sparseFile(folder.resolve("image" + i), 1 << 20));
        }
        try (var threads = Executors.newFixedThreadPool(8)) {
            var tasks =
                    images.stream()
                            .<Callable<LoopDevice>>map(
                                    file -> () -> LoopDevices.attach(file, NAME, 512, false))
                            .toList();
            for (var device : threads.invokeAll(tasks)) {
                attached.add(device.get());
            }
        }
        var numbers = new HashSet<Integer>();
        for (var i = 0; i < count; i++) {
            assertThat(attached.get(i).image()).isEqualTo(Linux.stat(images.get(i)).id());
            numbers.add(attached.get(i).number());
        }
        assertThat(numbers).hasSize(count);
    }

    @Test
    void whatIsNoBoundLoopDeviceIsNotAt() throws Exception {
        assertThat(LoopDevices.at(Path.of("/dev/null"))).isEmpty();
        assertThat(LoopDevices.at(image)).isEmpty();
        assertThat(LoopDevices.at(folder.resolve("no"))).isEmpty();
    }

    @Test
    void theProcessThatHasADeviceOpenIsFound() throws Exception {
        var device = attach();
        assertThat(Processes.holding(device.path())).isEmpty();
        try (var _ = Fd.open(device.path(), OpenFlags.O_RDONLY)) {
            assertThat(Processes.holding(device.path()))
                    .containsExactly(ProcessHandle.current().pid());
        }
        assertThatThrownBy(() -> Processes.holding(folder.resolve("no")))
                .hasMessageContaining("ENOENT");
    }

    /// Its file system answers EIO to everything, as after the loss of a disk.
    @Test
    void aDeadDeviceOfOthersIsNotInTheWay() throws Exception {
        var own = attach();
        try (var disk = LoopFileSystem.make(folder, Kind.XFS, 300 << 20)) {
            var file = LoopFileSystem.sparseFile(disk.mountPoint().resolve("image"), BYTES);
            var dead = LoopDevices.attach(file, "stowage-test:dead", 512, false);
            var mountPoint = disk.mountPoint().toString();
            run("xfs_io", "-x", "-c", "shutdown", mountPoint);
            try {
                assertThatThrownBy(() -> Linux.stat(file)).hasMessageContaining("EIO");
                var found = LoopDevices.boundTo(Linux.stat(image).id(), _ -> false);
                assertThat(found.readable()).containsExactly(own);
                assertThat(LoopDevices.all()).contains(own);
                assertThat(unreadable(dead).file()).isEqualTo(file.toString());
                assertThat(unreadable(dead).sizeBytes()).isEqualTo(BYTES);
                assertThat(unreadable(dead).readOnly()).isFalse();
                assertThat(unreadable(dead).why())
                        .hasMessageContaining("LOOP_GET_STATUS64(" + dead.path() + ")");
            } finally {
                run("losetup", "-d", dead.path().toString());
                disk.unmount();
            }
        }
    }

    private static UnreadableLoop unreadable(LoopDevice loop) throws Exception {
        return LoopDevices.find().unreadable().stream()
                .filter(device -> device.number() == loop.number())
                .findFirst()
                .orElseThrow();
    }

    /// So a driver that is killed between its unmount and what would follow leaves nothing bound.
    @Test
    void aDeadDeviceIsUnboundByTheUnmountOfItsFileSystem() throws Exception {
        try (var disk = LoopFileSystem.make(folder, Kind.XFS, 300 << 20)) {
            var inner = LoopFileSystem.make(disk.mountPoint(), Kind.EXT4, 16 << 20);
            run("xfs_io", "-x", "-c", "shutdown", disk.mountPoint().toString());
            var dead = unreadable(inner.device());
            assertThat(dead.heldByAnother()).isTrue();

            dead.detachWhenClosed();
            assertThat(dead.isStill()).isTrue();
            inner.unmount();
            assertThat(dead.isStill()).isFalse();
            assertThat(dead.heldByAnother()).isFalse();
            dead.detachWhenClosed();
            disk.unmount();
        }
    }

    @Test
    void aDeviceThatCanBeReadIsNotDetachedAsADeadOne() throws Exception {
        var device = attach();
        var why = new ErrnoException(LoopStatus.READ, device.path().toString(), Errno.EIO);
        var alive = UnreadableLoop.of(new LoopNodes(Path.of("/dev")), device.number(), why);

        assertThat(alive.file()).isEqualTo(image.toString());
        assertThatThrownBy(alive::detachWhenClosed).hasMessageContaining("EAGAIN");
        assertThat(LoopDevices.at(device.path())).contains(device);
    }

    /// As in the controller's container, which has no device files and no right to make any. Nobody
    /// can make files in /sys.
    @Test
    void whoMayNotOpenDevicesGoesByTheirFilesPaths() throws Exception {
        var nodes = new LoopNodes(Path.of("/sys/kernel"));
        var other = LoopFileSystem.sparseFile(folder.resolve("other"), BYTES);
        var _ = attach();

        assertThat(LoopDevices.boundTo(nodes, Linux.stat(other).id(), _ -> true).readable())
                .isEmpty();
        assertThatThrownBy(() -> LoopDevices.boundTo(nodes, Linux.stat(image).id(), _ -> false))
                .hasMessageContaining("mknodat(/sys/kernel/loop")
                .hasMessageContaining("EPERM");
    }

    private static void run(String... argv) throws Exception {
        var _ = Command.run(List.of(argv), Duration.ofSeconds(20));
    }
}
