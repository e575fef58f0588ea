package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.LimitKey;
import dev.stowage.volume.ListedVolume;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Lists of a pool that two drivers share. What a list reads is told by the kernel's count of this
/// process's read calls.
@ExtendWith(NothingLeftBehind.class)
@DisplayName("82: lists of unchanged volumes and snapshots read no records")
final class UnchangedRecordsTest {
    private static final long MIB = 1L << 20;
    private static final int MANY = 300;
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final NodeId OTHER = new NodeId("node.b");

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private TestPool pool;

    @SuppressWarnings("NullAway.Init")
    private FileBackend backend;

    @SuppressWarnings("NullAway.Init")
    private FileBackend other;

    @BeforeEach
    void open() throws Exception {
        pool = TestPool.sharedIn(folder);
        backend = pool.open(pool.settings("test", 1000), TestPool.NODE);
        other = pool.open(pool.settings("test", 1000), OTHER);
    }

    @AfterEach
    void close() throws Exception {
        pool.close();
    }

    private Volume make(FileBackend at, String name) throws IOException {
        return at.create(VolumeId.of(at.pool(), name), Specs.thin(name, MIB));
    }

    private List<ListedVolume> listed() throws IOException {
        return backend.list(Optional.empty(), Integer.MAX_VALUE - 1);
    }

    private List<Snapshot> snapshots() throws IOException {
        return backend.listSnapshots(Optional.empty(), Optional.empty(), Integer.MAX_VALUE - 1);
    }

    private interface Listing {
        List<?> list() throws IOException;
    }

    private static long readCalls() throws IOException {
        for (var line : Files.readAllLines(Path.of("/proc/self/io"))) {
            if (line.startsWith("syscr:")) {
                return Long.parseLong(line.substring(6).strip());
            }
        }
        throw new IOException("/proc/self/io has no syscr line");
    }

    private static long readCallsOf(Listing listing, int size) throws IOException {
        var before = readCalls();
        assertThat(listing.list()).hasSize(size);
        return readCalls() - before;
    }

    /// Until what was just made counts as old. The JVM itself may read something at any time.
    private static void awaitFewReads(Listing listing, int size) throws Exception {
        Polling.await(
                "a list reads fewer than half of the records",
                PATIENCE,
                () -> readCallsOf(listing, size) < size / 2);
    }

    @Test
    void manyListsOfUnchangedVolumesReadTheirRecordsOnce() throws Exception {
        for (var i = 0; i < MANY; i++) {
            var _ = make(backend, "v" + i);
        }
        assertThat(readCallsOf(this::listed, MANY)).isGreaterThanOrEqualTo(MANY);
        awaitFewReads(this::listed, MANY);
        var paged = new ArrayList<ListedVolume>();
        var before = readCalls();
        do {
            var after = paged.isEmpty() ? Optional.<VolumeId>empty() : Optional.of(last(paged));
            paged.addAll(backend.list(after, 7));
        } while (backend.hasMore(last(paged)));
        assertThat(readCalls() - before).isLessThan(MANY / 2);
        assertThat(paged).isEqualTo(listed());
    }

    private static VolumeId last(List<ListedVolume> listed) {
        return listed.getLast().volume().id();
    }

    @Test
    void manyListsOfUnchangedSnapshotsReadTheirRecordsOnce() throws Exception {
        var volume = make(backend, "v");
        for (var i = 0; i < MANY / 3; i++) {
            var id = SnapshotId.of(backend.pool(), "s" + i);
            var _ = backend.createSnapshot(id, "s" + i, volume.id(), Optional.empty());
        }
        assertThat(readCallsOf(this::snapshots, MANY / 3)).isGreaterThanOrEqualTo(MANY / 3);
        awaitFewReads(this::snapshots, MANY / 3);
        other.deleteSnapshot(SnapshotId.of(backend.pool(), "s1"));
        assertThat(snapshots()).hasSize(MANY / 3 - 1);
    }

    @Test
    void whatAnotherDriverChangesIsInTheNextList() throws Exception {
        var volume = make(backend, "v");
        var _ = make(backend, "w");
        other.announce(OTHER, 100);
        for (var i = 1; i < 50; i++) {
            var _ = other.modify(volume.id(), Map.of(LimitKey.READ_IOPS, 100L + i));
            assertThat(limitOf(volume)).isEqualTo(100 + i);
            var _ = other.attach(volume.id(), OTHER, AccessMode.SINGLE_NODE_WRITER, false);
            assertThat(holdersOf(volume)).containsExactly(OTHER);
            other.detach(volume.id(), OTHER);
            assertThat(holdersOf(volume)).isEmpty();
        }
        var _ = other.expand(volume.id(), CapacityRange.atLeast(2 * MIB));
        assertThat(of(volume).volume().capacityBytes()).isEqualTo(2 * MIB);
        other.delete(volume.id());
        assertThat(listed()).extracting(l -> l.volume().name()).containsExactly("w");
        var _ = make(other, "v");
        assertThat(of(volume).volume().capacityBytes()).isEqualTo(MIB);
    }

    @Test
    void whatAPersonWritesIntoARecordInPlaceIsInTheNextList() throws Exception {
        var volume = make(backend, "v");
        var record = pool.folder().volume(volume.id()).record();
        var text = Files.readString(record);
        for (var i = 100; i < 150; i++) {
            Files.writeString(record, text.replace("\"v\"", "\"" + i + "\""));
            assertThat(of(volume).volume().name()).isEqualTo(String.valueOf(i));
        }
        Files.writeString(record, "torn");
        assertThat(listed()).isEmpty();
        Files.writeString(record, text);
        assertThat(listed()).extracting(ListedVolume::volume).containsExactly(volume);
    }

    private ListedVolume of(Volume volume) throws IOException {
        return listed().stream()
                .filter(listed -> listed.volume().id().equals(volume.id()))
                .findFirst()
                .orElseThrow();
    }

    private long limitOf(Volume volume) throws IOException {
        return of(volume).volume().limits().mutable().getOrDefault(LimitKey.READ_IOPS, 0L);
    }

    private List<NodeId> holdersOf(Volume volume) throws IOException {
        return of(volume).publishedNodes();
    }
}
