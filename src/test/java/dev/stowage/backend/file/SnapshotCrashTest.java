package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// 36, 47: what a kill leaves of a snapshot, made by hand here, is gone on with or cleared.
@ExtendWith(NothingLeftBehind.class)
final class SnapshotCrashTest {
    private static final long MIB = 1L << 20;
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final String DEAD = "node.a.01234567.89abcdef";

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private TestPool pool;

    @SuppressWarnings("NullAway.Init")
    private FileBackend backend;

    @BeforeEach
    void open() throws Exception {
        pool = TestPool.in(folder);
        backend = pool.open();
    }

    @AfterEach
    void close() throws Exception {
        pool.close();
    }

    private Volume written(String name) throws IOException {
        var volume = backend.create(VolumeId.of(backend.pool(), name), Specs.thick(name, 4 * MIB));
        write(volume, 7);
        return volume;
    }

    private void write(Volume volume, int value) throws IOException {
        var bytes = new byte[(int) MIB];
        Arrays.fill(bytes, (byte) value);
        try (var image = Fd.open(backend.image(volume.id()), OpenFlags.O_RDWR)) {
            assertThat(image.write(ByteBuffer.wrap(bytes), MIB)).isEqualTo(bytes.length);
            image.fsync();
        }
    }

    private Snapshot ready(SnapshotId id) throws Exception {
        Polling.await(
                "the snapshot is ready",
                PATIENCE,
                () -> backend.findSnapshot(id).orElseThrow().ready());
        return backend.findSnapshot(id).orElseThrow();
    }

    private Snapshot snapshot(Volume volume) throws Exception {
        var id = SnapshotId.of(backend.pool(), "s");
        backend.createSnapshot(id, "s", volume.id());
        return ready(id);
    }

    /// As if the driver had been killed after the rename and before the first byte.
    private void uncopy(Snapshot snapshot, Volume volume, String copier) throws Exception {
        var there = pool.folder().snapshot(snapshot.id());
        var modified = Files.getLastModifiedTime(backend.image(volume.id())).toInstant();
        pool.closeAll();
        var record = StoredRecord.read(there.record()).with("ready", false);
        record.with("copier", copier).with("sourceModified", modified.toString());
        Files.write(there.record(), record.bytes());
        try (var image = Fd.open(there.image(), OpenFlags.O_RDWR)) {
            image.truncate(0);
            image.truncate(snapshot.sizeBytes());
        }
    }

    private byte[] content(Snapshot snapshot) throws IOException {
        return Files.readAllBytes(pool.folder().snapshot(snapshot.id()).image());
    }

    @Test
    @DisplayName("47: a copy that was killed is done again at the next start, and keeps its time")
    void aCopyThatWasKilledIsTakenUp() throws Exception {
        var volume = written("v");
        var made = snapshot(volume);
        var expected = content(made);
        assertThat(expected[(int) MIB]).isEqualTo((byte) 7);
        uncopy(made, volume, DEAD);
        assertThat(content(made)).isNotEqualTo(expected);
        backend = pool.open();
        assertThat(ready(made.id())).isEqualTo(made);
        assertThat(content(made)).isEqualTo(expected);
    }

    @Test
    void aCopyWhoseVolumeWasWrittenToSinceIsNoSnapshotAnyMore() throws Exception {
        var volume = written("v");
        var made = snapshot(volume);
        uncopy(made, volume, DEAD);
        Files.setLastModifiedTime(
                pool.folder().volume(volume.id()).image(),
                java.nio.file.attribute.FileTime.from(made.created().plusSeconds(5)));
        backend = pool.open();
        assertThat(backend.findSnapshot(made.id())).isEmpty();
        write(volume, 9);
        var again = snapshot(volume);
        assertThat(content(again)[(int) MIB]).isEqualTo((byte) 9);
    }

    @Test
    void aCopyWhoseVolumeIsGoneIsNoSnapshotAnyMore() throws Exception {
        var volume = written("v");
        var made = snapshot(volume);
        uncopy(made, volume, DEAD);
        FolderTree.erase(pool.folder().volume(volume.id()).path());
        backend = pool.open();
        assertThat(backend.findSnapshot(made.id())).isEmpty();
    }

    @Test
    @DisplayName("34: in a shared pool a copy that another node may be at is left to it")
    void anothersCopyIsLeftAlone() throws Exception {
        var volume = written("v");
        var made = snapshot(volume);
        uncopy(made, volume, "node.b.01234567.89abcdef");
        try (var shared = TestPool.sharedIn(folder)) {
            backend = shared.open();
            var asked = backend.createSnapshot(made.id(), "s", volume.id());
            assertThat(asked.ready()).isFalse();
            assertThat(asked.created()).isEqualTo(made.created());
            backend.deleteSnapshot(made.id());
            assertThat(backend.findSnapshot(made.id())).isEmpty();
        }
    }

    @Test
    void whatWasNeverFinishedIsClearedAndCountsForNothing() throws Exception {
        var id = SnapshotId.of(backend.pool(), "half");
        var before = backend.capacity(Provisioning.THICK).availableBytes();
        var half =
                Files.createDirectories(pool.folder().incoming().resolve(id + "." + DEAD + ".1"));
        try (var image =
                Fd.open(half.resolve("image"), OpenFlags.O_CREAT | OpenFlags.O_RDWR, 0600)) {
            image.allocate(512 * MIB);
        }
        backend = pool.reopen();
        assertThat(half).doesNotExist();
        assertThat(backend.capacity(Provisioning.THICK).availableBytes())
                .isGreaterThan(before - 256 * MIB);
    }

    @Test
    @DisplayName("38: a damaged snapshot is kept, counted and left out of lists")
    void aDamagedSnapshotIsKeptAndLeftOut() throws Exception {
        var made = snapshot(written("v"));
        var there = pool.folder().snapshot(made.id());
        Files.writeString(there.record(), "{");
        backend = pool.reopen();
        assertThat(backend.listSnapshots(Optional.empty(), Optional.empty(), 10)).isEmpty();
        assertThat(there.image()).exists();
    }
}
