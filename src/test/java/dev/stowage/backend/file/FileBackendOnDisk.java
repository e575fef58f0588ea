package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.stowage.linux.Command;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.OpenFlags;
import dev.stowage.spi.Backend;
import dev.stowage.spi.ChangedBlocksContract;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// The contract, and what depends on the disk below, for a pool that two drivers share on a file
/// system of its own.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class FileBackendOnDisk extends ChangedBlocksContract {
    /// More than any of the file systems needs for itself.
    private static final long DISK_BYTES = 512L << 20;

    private static final long TOLERANCE = 8L << 20;
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private Optional<Path> folder = Optional.empty();
    private Optional<LoopFileSystem> made = Optional.empty();
    private Optional<TestPool> pool = Optional.empty();
    private Optional<FileBackend> first = Optional.empty();
    private Optional<FileBackend> second = Optional.empty();

    abstract LoopFileSystem.Kind kind();

    @BeforeAll
    void makeDisk(@TempDir(factory = TestFolder.class) Path temporary) throws Exception {
        folder = Optional.of(temporary);
        made = Optional.of(LoopFileSystem.make(temporary, kind(), DISK_BYTES));
    }

    @AfterAll
    void removeDisk() throws Exception {
        if (made.isPresent()) {
            made.get().close();
        }
    }

    @BeforeEach
    void openPool() throws Exception {
        pool =
                Optional.of(
                        new TestPool(
                                disk().mountPoint().resolve("pool"),
                                Files.createTempDirectory(folder.orElseThrow(), "state"),
                                true));
        first = Optional.of(pool.get().open());
    }

    @AfterEach
    void closePool() throws Exception {
        second = Optional.empty();
        pool().close();
        Linux.syncfs(disk().mountPoint());
    }

    @Override
    protected boolean comparesBytes() {
        return !kind().canClone();
    }

    private LoopFileSystem disk() {
        return made.orElseThrow();
    }

    private TestPool pool() {
        return pool.orElseThrow();
    }

    private FileBackend own() {
        return first.orElseThrow();
    }

    @Override
    protected Backend backend() {
        return own();
    }

    @Override
    protected Backend anotherDriver() throws Exception {
        if (second.isEmpty()) {
            second = Optional.of(pool().open(pool().settings(), new NodeId("node.b")));
        }
        return second.get();
    }

    private long free() throws Exception {
        Linux.syncfs(disk().mountPoint());
        return Linux.statfs(disk().mountPoint()).availableBytes();
    }

    @Test
    void seekDataTellsBlankImagesOnThisFileSystem() {
        assertThat(own().blankProvable()).isTrue();
    }

    @Test
    void copiesShareBlocksWhereTheFileSystemCan() throws Exception {
        var probe =
                ExtentProbe.run(
                        pool().folder(), new Nonces(Instance.begin(TestPool.NODE, "00000000")));
        assertThat(probe.reflinks()).isEqualTo(disk().kind().canClone());
        assertThat(pool().folder().incoming()).isEmptyDirectory();
    }

    @Test
    void aThickImageIsAllocatedAndReadsAsBlank() throws Exception {
        var volume = make(own(), "v", 16 * MIB);
        var image = own().image(volume.id());
        var stat = Linux.stat(image);
        assertThat(stat.size()).isEqualTo(16 * MIB);
        assertThat(stat.allocatedBytes()).isGreaterThanOrEqualTo(16 * MIB);
        assertThat(stat.mode() & 0777).isEqualTo(0600);
        try (var fd = Fd.open(image, OpenFlags.O_RDONLY)) {
            assertThat(fd.seekData(0)).isEqualTo(-1);
        }
    }

    @Test
    void aThinImageIsNotAllocated() throws Exception {
        var volume = own().create(id(own(), "v"), spec("v", 64 * MIB, Provisioning.THIN));
        var stat = Linux.stat(own().image(volume.id()));
        assertThat(stat.size()).isEqualTo(64 * MIB);
        assertThat(stat.allocatedBytes()).isLessThan(MIB);
    }

    @Test
    @DisplayName(
            "31: a create for which the disk has no room leaves nothing, and free space as it was")
    void aFailedCreateLeavesNothing() throws Exception {
        own().close();
        first = Optional.of(pool().open(pool().settings("test", 100.0), TestPool.NODE));
        try (var _ = filler(free() - 24 * MIB)) {
            var before = free();
            assertRefused(Reason.NO_SPACE, () -> make(own(), "v", 64 * MIB));
            assertThat(pool().folder().incoming()).isEmptyDirectory();
            assertThat(free()).isGreaterThan(before - MIB);
            assertThat(own().find(id(own(), "v"))).isEmpty();
        }
    }

    @Test
    @DisplayName("31: fallocate that meets the end of the disk is undone")
    void aFallocateThatFailsIsUndone() throws Exception {
        var spec = thick("v", 64 * MIB);
        var volume = Volume.granted(id(own(), "v"), spec, Instant.now());
        try (var _ = filler(free() - 24 * MIB);
                var folders = OpenFolders.of(pool().folder())) {
            var before = free();
            var nonces = new Nonces(Instance.begin(TestPool.NODE, "00000000"));
            var builder =
                    new VolumeBuilder(
                            pool().folder(),
                            folders,
                            new Durable(new Sickness(), nonces::temporary));
            assertThatThrownBy(() -> builder.build(volume, Filling.blank(), nonces.of(volume.id())))
                    .hasMessageContaining("ENOSPC");
            assertThat(pool().folder().incoming()).isEmptyDirectory();
            Polling.await("the space comes back", PATIENCE, () -> free() > before - MIB);
        }
    }

    @Test
    @DisplayName("31: an expand for which there is no room leaves the volume as it was")
    void aFailedExpandLeavesTheVolumeAsItWas() throws Exception {
        var volume = make(own(), "v", 8 * MIB);
        var store = new VolumeStore(pool().folder(), new Durable(new Sickness(), () -> ".tmp.t"));
        var growth = new VolumeGrowth(store, new Durable(new Sickness(), () -> ".tmp.t"));
        try (var _ = filler(free() - 24 * MIB)) {
            var before = free();
            assertThatThrownBy(
                            () ->
                                    growth.grow(
                                            pool().folder().volume(volume.id()),
                                            volume.withCapacity(128 * MIB)))
                    .hasMessageContaining("ENOSPC");
            assertThat(own().find(volume.id())).contains(volume);
            assertThat(Linux.stat(own().image(volume.id())).size()).isEqualTo(8 * MIB);
            Polling.await("the space comes back", PATIENCE, () -> free() > before - MIB);
        }
    }

    @Test
    @DisplayName("31: delete works with no byte free")
    void deleteWorksOnAFullDisk() throws Exception {
        var volume = make(own(), "v", 32 * MIB);
        try (var filler = filler(0)) {
            filler.fill();
            own().delete(volume.id());
            assertThat(own().find(volume.id())).isEmpty();
            Polling.await(
                    "the bytes come back",
                    PATIENCE,
                    () -> Linux.statfs(disk().mountPoint()).freeBytes() > 24 * MIB);
        }
    }

    @Test
    @DisplayName("63: what a trim inside a thick volume frees stays reserved for it")
    void aTrimFreesNothingThatCouldBePromised() throws Exception {
        var volume = make(own(), "v", 256 * MIB);
        write(own().image(volume.id()), 256);
        var available = own().capacity(Provisioning.THICK).availableBytes();
        var free = free();
        punch(own().image(volume.id()), 256 * MIB);
        Polling.await("the trim frees space", PATIENCE, () -> free() > free + 200 * MIB);
        assertThat(own().capacity(Provisioning.THICK).availableBytes())
                .isLessThan(available + TOLERANCE);
        assertRefused(Reason.NO_SPACE, () -> make(own(), "w", available + 128 * MIB));

        var reopened = pool().reopen();
        first = Optional.of(reopened);
        assertThat(reopened.capacity(Provisioning.THICK).availableBytes())
                .isLessThan(available + TOLERANCE);
    }

    @Test
    @DisplayName(
            "63: a trimmed thick volume can be written whole in a pool that is reserved to the last byte")
    void aTrimmedVolumeIsWrittenWholeInAFullPool() throws Exception {
        var volume = make(own(), "v", 128 * MIB);
        write(own().image(volume.id()), 128);
        punch(own().image(volume.id()), 128 * MIB);
        for (var i = 0; ; i++) {
            var largest = own().capacity(Provisioning.THICK).largestVolumeBytes();
            if (largest == 0) {
                break;
            }
            make(own(), "rest" + i, largest);
        }
        write(own().image(volume.id()), 128);
    }

    @Test
    @DisplayName("39: a volume whose image a loop device of this machine has open is not deleted")
    void aVolumeOnALoopDeviceIsNotDeleted() throws Exception {
        var volume = make(own(), "v", 16 * MIB);
        for (var readOnly : new boolean[] {false, true}) {
            var loop =
                    LoopDevices.attach(own().image(volume.id()), "stowage-test:v", 512, readOnly);
            try {
                assertThatRefusalNames(volume.id(), loop.path().toString());
            } finally {
                LoopDevices.detach(loop);
            }
        }
        own().delete(volume.id());
        assertThat(own().find(volume.id())).isEmpty();
    }

    private void assertThatRefusalNames(VolumeId id, String device) {
        var refusal = catchThrowableOfType(VolumeException.class, () -> own().delete(id));
        assertThat(refusal).isNotNull();
        assertThat(refusal.reason()).isEqualTo(Reason.FAILED_PRECONDITION);
        assertThat(refusal).hasMessageContaining(device);
    }

    private static void write(Path image, int mebibytes) throws Exception {
        var block = ByteBuffer.allocate((int) MIB);
        Arrays.fill(block.array(), (byte) 1);
        try (var fd = Fd.open(image, OpenFlags.O_RDWR)) {
            for (var i = 0; i < mebibytes; i++) {
                assertThat(fd.write(block.rewind(), i * MIB)).isEqualTo((int) MIB);
            }
            fd.fsync();
        }
    }

    private static void punch(Path image, long bytes) throws Exception {
        var _ =
                Command.run(
                        List.of(
                                "fallocate",
                                "--punch-hole",
                                "--offset",
                                "0",
                                "--length",
                                Long.toString(bytes),
                                image.toString()),
                        PATIENCE);
    }

    private Filler filler(long bytes) throws Exception {
        return new Filler(disk().mountPoint().resolve("filler"), bytes);
    }

    /// Somebody else's file on the same disk.
    private record Filler(Path file, long bytes) implements AutoCloseable {
        Filler {
            try (var fd = Fd.open(file, OpenFlags.O_RDWR | OpenFlags.O_CREAT, 0600)) {
                if (bytes > 0) {
                    fd.allocate(bytes);
                    fd.fsync();
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        /// Takes what is left, in ever smaller pieces, until not a block can be had.
        void fill() throws Exception {
            var length = 0L;
            try (var fd = Fd.open(file, OpenFlags.O_RDWR)) {
                for (var piece = 64 * MIB; piece >= 4096; piece /= 2) {
                    try {
                        while (true) {
                            fd.allocate(length + piece);
                            length += piece;
                        }
                    } catch (ErrnoException e) {
                        assertThat(e).hasMessageContaining("ENOSPC");
                    }
                }
            }
        }

        @Override
        public void close() throws IOException {
            Files.delete(file);
        }
    }
}
