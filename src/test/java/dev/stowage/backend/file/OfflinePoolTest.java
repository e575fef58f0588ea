package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// What comes into a pool, and goes out of it, beside the driver that has it.
@ExtendWith(NothingLeftBehind.class)
final class OfflinePoolTest {
    private static final long MIB = 1L << 20;
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final NodeId N1 = new NodeId("n1");

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private TestPool pool;

    @SuppressWarnings("NullAway.Init")
    private FileBackend driver;

    @BeforeEach
    void open() throws Exception {
        pool = TestPool.in(folder);
        driver = pool.open();
        driver.announce(N1, 250);
    }

    @AfterEach
    void close() throws Exception {
        pool.close();
    }

    private OfflinePool guest() throws IOException {
        return OfflinePool.enter(pool.settings(), new NodeId("a-container"));
    }

    /// A disk image with some data, a hole, and data at its end.
    private Path image(String name, long bytes) throws IOException {
        var made = LoopFileSystem.sparseFile(folder.resolve(name), bytes);
        var data = new byte[4096];
        new Random(bytes).nextBytes(data);
        try (var fd = Fd.open(made, OpenFlags.O_RDWR)) {
            Durable.write(fd, data);
            assertThat(fd.write(ByteBuffer.wrap(data), bytes - data.length)).isEqualTo(4096);
        }
        return made;
    }

    private static Volume adopt(OfflinePool guest, String name, Path image) throws IOException {
        return guest.adopt(
                Specs.thick(name, Files.size(image)), new ImageContent(image, Provisioning.THICK));
    }

    private static void assertRefused(Reason reason, String words, ThrowingCallable call) {
        var refusal = catchThrowableOfType(VolumeException.class, call);
        assertThat(refusal).as("refused with " + reason).isNotNull();
        assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(reason);
        assertThat(refusal).hasMessageContaining(words);
    }

    private Path stored(Volume volume) {
        return pool.folder().volume(volume.id()).image();
    }

    private void assertNothingIsBeingBuilt() {
        assertThat(pool.folder().incoming()).isEmptyDirectory();
        assertThat(pool.folder().drivers()).isEmptyDirectory();
    }

    @Test
    void aRunningDriverHasTheVolumeAtOnceAndCountsItSoon() throws Exception {
        var image = image("disk.img", 8L << 30);
        var before = driver.capacity(Provisioning.THIN).availableBytes();
        Volume volume;
        try (var guest = guest()) {
            volume =
                    guest.adopt(
                            Specs.thin("orders", 8L << 30),
                            new ImageContent(image, Provisioning.THIN));
        }
        assertThat(driver.find(volume.id())).contains(volume);
        assertThat(driver.formatState(volume.id())).isEqualTo(new FormatState.Adopted());
        assertNothingIsBeingBuilt();
        Polling.await(
                "the driver counts it",
                PATIENCE,
                () -> driver.capacity(Provisioning.THIN).availableBytes() < before - (4L << 30));
        driver.delete(volume.id());
        assertThat(driver.find(volume.id())).isEmpty();
    }

    @Test
    @DisplayName(
            "36: a driver's start leaves alone what an import is at, and clears it after a kill")
    void aDriversStartLeavesAloneWhatALiveGuestIsAt() throws Exception {
        var maker = "a-container." + Linux.bootId().substring(0, 8) + ".00000009";
        var half = halfMade(maker);
        var lock = pool.folder().drivers().resolve(maker + ".lock");
        try (var _ = LockHolder.hold(lock)) {
            driver = pool.reopen();
            assertThat(half).exists();
            assertThat(lock).exists();
        }
        driver = pool.reopen();
        assertNothingIsBeingBuilt();
    }

    @Test
    @DisplayName("36: an import clears what a killed one left, and nothing of the driver's")
    void aGuestClearsWhatAKilledOneLeft() throws Exception {
        var boot = Linux.bootId().substring(0, 8);
        var left = halfMade("other-container." + boot + ".00000009");
        var ofDriver = halfMade("node.a." + boot + ".00000007");
        var ofOtherBoot = halfMade("n." + "00000000" + ".00000008");
        var drivers = pool.folder().drivers();
        Files.createFile(drivers.resolve("other-container." + boot + ".00000009.lock"));
        Files.createFile(drivers.resolve("n.00000000.00000008.lock"));
        guest().close();
        assertThat(left).doesNotExist();
        assertThat(ofDriver).exists();
        assertThat(ofOtherBoot).exists();
        driver = pool.reopen();
        assertNothingIsBeingBuilt();
    }

    private Path halfMade(String maker) throws IOException {
        var id = VolumeId.of(driver.pool(), "half");
        var made = Files.createDirectory(pool.folder().incoming().resolve(id + "." + maker + ".1"));
        Files.createFile(made.resolve("image"));
        return made;
    }

    @Test
    void importedAgainUnderItsNameItIsTheSameVolume() throws Exception {
        var image = image("disk.img", 8 * MIB);
        try (var guest = guest()) {
            var volume = adopt(guest, "orders", image);
            try (var written = Fd.open(stored(volume), OpenFlags.O_RDWR)) {
                Durable.write(written, new byte[] {1, 2, 3});
            }
            assertThat(adopt(guest, "orders", image)).isEqualTo(volume);
            assertThat(Files.readAllBytes(stored(volume))).startsWith(1, 2, 3);
            var larger = driver.expand(volume.id(), CapacityRange.atLeast(16 * MIB));
            assertThat(adopt(guest, "orders", image)).isEqualTo(larger);
        }
    }

    @Test
    void aNameThatIsTakenBySomethingElseIsRefused() throws Exception {
        driver.create(VolumeId.of(driver.pool(), "made"), Specs.thick("made", 8 * MIB));
        try (var guest = guest()) {
            var _ = adopt(guest, "orders", image("disk.img", 8 * MIB));
            var larger = image("larger.img", 9 * MIB);
            assertRefused(
                    Reason.ALREADY_EXISTS,
                    "its size is 8388608",
                    () -> adopt(guest, "orders", larger));
            assertRefused(
                    Reason.ALREADY_EXISTS,
                    "it was not imported",
                    () -> adopt(guest, "made", folder.resolve("disk.img")));
        }
    }

    @Test
    void whatThePoolCannotPromiseIsRefusedAndNothingIsLeft() throws Exception {
        var image = LoopFileSystem.sparseFile(folder.resolve("disk.img"), 8L << 40);
        try (var guest = guest()) {
            assertRefused(Reason.NO_SPACE, "unreserved bytes", () -> adopt(guest, "v", image));
        }
        assertNothingIsBeingBuilt();
        assertThat(pool.folder().volumes()).isEmptyDirectory();
    }

    @Test
    void contentThatFailsLeavesNothing() throws Exception {
        try (var guest = guest()) {
            assertThatThrownBy(
                            () ->
                                    guest.adopt(
                                            Specs.thick("v", MIB),
                                            (_, _) -> {
                                                throw new IOException("torn");
                                            }))
                    .hasMessage("torn");
        }
        assertNothingIsBeingBuilt();
        assertThat(pool.folder().volumes()).isEmptyDirectory();
    }

    @Test
    void withoutAPoolNothingIsMade() throws Exception {
        var nowhere = Files.createDirectory(folder.resolve("nowhere"));
        assertRefused(
                Reason.FAILED_PRECONDITION,
                "there is no pool at",
                () -> OfflinePool.enter(FilePoolSettings.plain("test", nowhere), N1));
        assertThat(nowhere).isEmptyDirectory();
    }

    @Test
    @RequiresRoot
    void whatSomebodyWritesToIsNotImported() throws Exception {
        var image = image("disk.img", 8 * MIB);
        var loop = LoopDevices.attach(image, "stowage-test:source", 512, false);
        try (var guest = guest()) {
            assertRefused(
                    Reason.FAILED_PRECONDITION,
                    "stowage-test:source",
                    () -> adopt(guest, "v", image));
        } finally {
            LoopDevices.detach(loop);
        }
        assertNothingIsBeingBuilt();
    }

    @Test
    void anExportIsTheVolumeWithItsHoles() throws Exception {
        var image = image("disk.img", 64 * MIB);
        var copy = folder.resolve("copy.img");
        try (var guest = guest()) {
            var volume = adopt(guest, "orders", image);
            guest.export(guest.require("orders"), copy);
            assertThat(copy).hasSameBinaryContentAs(image);
            assertThat(Linux.stat(copy).allocatedBytes()).isLessThan(MIB);
            assertRefused(
                    Reason.ALREADY_EXISTS,
                    "copy.img exists",
                    () -> guest.export(guest.require(volume.id().toString()), copy));
            assertRefused(Reason.NOT_FOUND, "'other'", () -> guest.require("other"));
        }
        assertThat(folder).isDirectoryNotContaining("glob:**.tmp*");
    }

    @Test
    void whatANodeMayWriteToIsNotExported() throws Exception {
        var copy = folder.resolve("copy.img");
        try (var guest = guest()) {
            var volume = adopt(guest, "orders", image("disk.img", 8 * MIB));
            driver.attach(volume.id(), N1, AccessMode.SINGLE_NODE_WRITER, false);
            assertRefused(
                    Reason.FAILED_PRECONDITION, "to node n1", () -> guest.export(volume, copy));
            driver.detach(volume.id(), N1);
            driver.attach(volume.id(), N1, AccessMode.MULTI_NODE_READER_ONLY, false);
            guest.export(volume, copy);
            assertThat(copy).hasSameBinaryContentAs(stored(volume));
        }
    }

    @Test
    @RequiresRoot
    void whatThisMachineHasOpenForWritingIsNotExported() throws Exception {
        var copy = folder.resolve("copy.img");
        try (var guest = guest()) {
            var volume = adopt(guest, "orders", image("disk.img", 8 * MIB));
            var loop = LoopDevices.attach(stored(volume), "stowage-test:v", 512, false);
            try {
                assertRefused(
                        Reason.FAILED_PRECONDITION,
                        loop.path().toString(),
                        () -> guest.export(volume, copy));
            } finally {
                LoopDevices.detach(loop);
            }
        }
        assertThat(copy).doesNotExist();
        assertThat(folder).isDirectoryNotContaining("glob:**.tmp*");
    }

    /// 63.
    @Test
    @RequiresRoot
    void aThinVolumeSharesTheBlocksOfItsSourceAndAThickOneHasItsOwn() throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.XFS, 512 * MIB);
                var onXfs =
                        new TestPool(
                                disk.mountPoint().resolve("pool"), folder.resolve("s"), false)) {
            var _ = onXfs.open();
            var image = disk.mountPoint().resolve("disk.img");
            var data = new byte[(int) (64 * MIB)];
            new Random(1).nextBytes(data);
            Files.write(image, data);
            try (var guest = OfflinePool.enter(onXfs.settings(), N1)) {
                var before = free(disk);
                guest.adopt(
                        Specs.thin("thin", 64 * MIB), new ImageContent(image, Provisioning.THIN));
                assertThat(before - free(disk)).isLessThan(8 * MIB);
                var thick =
                        guest.adopt(
                                Specs.thick("thick", 64 * MIB),
                                new ImageContent(image, Provisioning.THICK));
                assertThat(before - free(disk)).isGreaterThanOrEqualTo(64 * MIB);
                guest.export(thick, disk.mountPoint().resolve("copy.img"));
                assertThat(before - free(disk)).isGreaterThanOrEqualTo(128 * MIB);
            }
        }
    }

    private static long free(LoopFileSystem disk) throws IOException {
        Linux.syncfs(disk.mountPoint());
        return Linux.statfs(disk.mountPoint()).availableBytes();
    }
}
