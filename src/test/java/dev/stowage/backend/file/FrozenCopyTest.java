package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.stowage.linux.Fd;
import dev.stowage.linux.Freeze;
import dev.stowage.linux.Linux;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.Mounts;
import dev.stowage.linux.OpenFlags;
import dev.stowage.spi.FreezePermit;
import dev.stowage.spi.Freezer;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Snapshots of a mounted volume in a pool that copies bytes, where the volume may be frozen.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
final class FrozenCopyTest {
    private static final long MIB = 1L << 20;
    private static final long SIZE = 32 * MIB;
    private static final Duration LONG = Duration.ofSeconds(60);

    /// Over before the first piece is read.
    private static final Duration TOO_SHORT = Duration.ofNanos(1);

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private LoopFileSystem disk;

    @SuppressWarnings("NullAway.Init")
    private TestPool pool;

    @SuppressWarnings("NullAway.Init")
    private FileBackend backend;

    @SuppressWarnings("NullAway.Init")
    private VolumeId volume;

    @SuppressWarnings("NullAway.Init")
    private LoopFileSystem used;

    private final byte[] content = new byte[(int) (6 * MIB)];
    private int freezes;

    @BeforeEach
    void mount() throws IOException {
        disk = LoopFileSystem.make(folder, "disk", LoopFileSystem.Kind.EXT4, 640 * MIB);
        pool = new TestPool(disk.mountPoint().resolve("pool"), folder.resolve("state"), true);
        backend = pool.open();
        volume = make("v");
        used =
                LoopFileSystem.over(
                        backend.image(volume),
                        Files.createDirectory(folder.resolve("mounted")),
                        LoopFileSystem.Kind.EXT4);
        new Random(1).nextBytes(content);
        Files.write(used.mountPoint().resolve("file"), content);
    }

    @AfterEach
    void unmount() throws IOException {
        used.close();
        pool.close();
        disk.close();
    }

    private VolumeId make(String name) throws IOException {
        return backend.create(VolumeId.of(backend.pool(), name), Specs.thick(name, SIZE)).id();
    }

    private SnapshotId id(String name) {
        return SnapshotId.of(backend.pool(), name);
    }

    private interface Meanwhile {
        void happens() throws IOException;
    }

    private Freezer freezing() {
        return freezing(() -> {});
    }

    /// Freezes what is mounted, for real.
    private Freezer freezing(Meanwhile meanwhile) {
        return (volumes, bound) -> {
            assertThat(volumes).containsExactly(volume);
            freezes++;
            var root = Fd.open(used.mountPoint(), OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
            var freeze = Freeze.of(List.of(root), bound, folder.resolve("note"));
            meanwhile.happens();
            return new Freezer.Frozen() {
                @Override
                public void thaw() throws IOException {
                    if (!freeze.thaw()) {
                        throw new VolumeException(Reason.BUSY, "did not stay frozen");
                    }
                }

                @Override
                public void close() {
                    freeze.close();
                    root.close();
                }
            };
        };
    }

    private void snapshot(String name, Freezer freezer, Duration atMost) throws IOException {
        var permit = Optional.of(new FreezePermit(freezer, atMost));
        assertThat(backend.createSnapshot(id(name), name, volume, permit).ready()).isTrue();
    }

    private VolumeException refused(Reason reason, ThrowingCallable call) {
        var refusal = catchThrowableOfType(VolumeException.class, call);
        assertThat(refusal).as("refused with " + reason).isNotNull();
        assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(reason);
        return refusal;
    }

    private void assertNothingIsLeft() throws IOException {
        for (var name : List.of("snapshots", ".incoming")) {
            try (var entries = Files.list(disk.mountPoint().resolve("pool").resolve(name))) {
                assertThat(entries).as(name).isEmpty();
            }
        }
        assertThat(Linux.thaw(used.mountPoint())).as("was still frozen").isFalse();
    }

    private long available() throws IOException {
        return backend.capacity(Provisioning.THICK).availableBytes();
    }

    @Test
    void itIsWholeWhenItIsAnsweredAndCountsOnce() throws Exception {
        var before = available();
        snapshot("s", freezing(), LONG);
        Files.writeString(used.mountPoint().resolve("file"), "written after");
        assertThat(available()).isBetween(before - SIZE - MIB, before - SIZE + MIB);
        var at = Files.createDirectory(folder.resolve("snapshot"));
        var image = disk.mountPoint().resolve("pool/snapshots/" + id("s") + "/image");
        var device = LoopDevices.attach(image, "stowage-test:snapshot", 512, true);
        try {
            Mounts.mount("ext4", device.path().toString(), at, Set.of(), List.of("ro"));
            assertThat(at.resolve("file")).hasBinaryContent(content);
            Mounts.unmount(at);
        } finally {
            LoopDevices.detach(device);
        }
    }

    @Test
    void whatIsNotCopiedInTimeIsRemovedAndTheVolumeNotFrozenForItAgain() throws Exception {
        var before = available();
        var words =
                refused(Reason.FAILED_PRECONDITION, () -> snapshot("s", freezing(), TOO_SHORT))
                        .getMessage();
        assertThat(words)
                .contains(volume.toString(), "0 of ", " bytes", "MB/s", "freezeSeconds", "XFS");
        assertNothingIsLeft();
        assertThat(available()).isEqualTo(before);
        assertThat(refused(Reason.FAILED_PRECONDITION, () -> snapshot("s", freezing(), TOO_SHORT)))
                .hasMessage(words);
        assertThat(freezes).isEqualTo(1);
        snapshot("s", freezing(), LONG);
        assertThat(freezes).isEqualTo(2);
    }

    @Test
    void onlyWhatWasWrittenIsRead() throws Exception {
        try (var from = newFile("from");
                var to = newFile("to")) {
            from.allocate(64 * MIB);
            var data = ByteBuffer.wrap(content);
            while (data.hasRemaining()) {
                from.write(data, data.position());
            }
            from.fsync();
            from.dropCache(); // so that the disk is read, and the kernel reads ahead if it may
            var read = new AtomicLong();
            ImageCopy.copy(
                    from,
                    to,
                    64 * MIB,
                    true,
                    soFar -> {
                        read.set(soFar);
                        return false;
                    });
            assertThat(read).hasValueLessThan(content.length);
            assertThat(to.stat().size()).isEqualTo(content.length);
        }
    }

    private Fd newFile(String name) throws IOException {
        var path = disk.mountPoint().resolve(name);
        return Fd.open(path, OpenFlags.O_RDWR | OpenFlags.O_CREAT, 0600);
    }

    @Test
    void anotherSnapshotOfTheVolumeIsTriedOnItsOwn() throws Exception {
        refused(Reason.FAILED_PRECONDITION, () -> snapshot("s", freezing(), TOO_SHORT));
        refused(Reason.FAILED_PRECONDITION, () -> snapshot("t", freezing(), TOO_SHORT));
        assertThat(freezes).isEqualTo(2);
    }

    @Test
    void whatSomebodyThawsMeanwhileIsVoid() throws Exception {
        var thawed = freezing(() -> Linux.thaw(used.mountPoint()));
        assertThat(refused(Reason.FAILED_PRECONDITION, () -> snapshot("s", thawed, LONG)))
                .hasMessageContaining("by somebody else");
        assertNothingIsLeft();
    }

    @Test
    void aVolumeThatAnotherNodeHasIsNotFrozen() throws Exception {
        var other = new NodeId("n1");
        backend.announce(other, 250);
        backend.attach(volume, other, AccessMode.SINGLE_NODE_WRITER, false);
        assertThat(refused(Reason.FAILED_PRECONDITION, () -> snapshot("s", freezing(), LONG)))
                .hasMessageContaining("attached to node n1");
        assertThat(freezes).isZero();
        backend.detach(volume, other);
        assertNothingIsLeft();
    }

    @Test
    void oneVolumeOfAPoolIsFrozenAtATimeAndOthersAreNotDisturbed() throws Exception {
        var frozen = new CountDownLatch(1);
        var over = new CountDownLatch(1);
        try (var threads = Executors.newSingleThreadExecutor()) {
            var first =
                    threads.submit(
                            () -> {
                                snapshot("s", freezing(() -> await(frozen, over)), LONG);
                                return true;
                            });
            try {
                frozen.await();
                assertThat(refused(Reason.BUSY, () -> snapshot("t", freezing(), LONG)))
                        .hasMessageContaining("retry");
                assertThat(freezes).isEqualTo(1);
                refused(
                        Reason.BUSY,
                        () -> backend.expand(volume, CapacityRange.atLeast(SIZE + MIB)));
                refused(Reason.FAILED_PRECONDITION, () -> backend.delete(volume));
                var other = make("other");
                assertThat(backend.createSnapshot(id("o"), "o", other).ready()).isTrue();
                backend.deleteSnapshot(id("o"));
                backend.delete(other);
            } finally {
                over.countDown();
            }
            assertThat(first.get()).isTrue();
        }
        snapshot("t", freezing(), LONG);
    }

    private static void await(CountDownLatch frozen, CountDownLatch over) {
        frozen.countDown();
        try {
            over.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
