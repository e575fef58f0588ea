package dev.stowage.spi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.testing.AtOnce;
import dev.stowage.testing.Polling;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.Content;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.LimitSettings;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Snapshot;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeId;
import dev.stowage.volume.VolumeSpec;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/// What [Snapshots] and [Cloning] promise, in runnable form, for backends that have both powers.
public abstract class SnapshotContract extends BackendContract {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final int THREADS = 8;

    private Snapshots snapshots() throws Exception {
        return (Snapshots) backend();
    }

    private Cloning cloning() throws Exception {
        return (Cloning) backend();
    }

    protected static SnapshotId snapshotId(Backend backend, String name) {
        return SnapshotId.of(backend.pool(), name);
    }

    /// A snapshot that is ready.
    protected static Snapshot snapshot(Backend backend, String name, VolumeId source)
            throws Exception {
        var snapshots = (Snapshots) backend;
        var id = snapshotId(backend, name);
        var made = snapshots.createSnapshot(id, name, source);
        Polling.await(
                "the snapshot is ready",
                PATIENCE,
                () -> snapshots.findSnapshot(id).orElseThrow().ready());
        return snapshots.findSnapshot(made.id()).orElseThrow();
    }

    private Volume restored(Snapshot snapshot, String name, VolumeSpec spec) throws Exception {
        try (var copySource = snapshots().openSnapshot(snapshot.id())) {
            return cloning()
                    .createFrom(
                            id(backend(), name),
                            spec.holding(copySource.sizeBytes(), copySource.blockSizeBytes()),
                            copySource);
        }
    }

    private static VolumeSpec from(Content content, String name, long bytes) {
        return new VolumeSpec(
                name,
                CapacityRange.atLeast(bytes),
                Optional.empty(),
                List.of(),
                Provisioning.THICK,
                VolumeSpec.DEFAULT_BLOCK_SIZE,
                content,
                LimitSettings.NONE);
    }

    private Volume restored(Snapshot snapshot, String name, long bytes) throws Exception {
        return restored(snapshot, name, from(new Content.OfSnapshot(snapshot.id()), name, bytes));
    }

    /// Writes a pattern where the backend's volumes are files; elsewhere there is nothing to see.
    private static void write(Backend backend, VolumeId id, long offset, int value)
            throws IOException {
        if (backend instanceof ImageFiles files) {
            try (var file = new RandomAccessFile(files.image(id).toFile(), "rwd")) {
                var block = new byte[4096];
                Arrays.fill(block, (byte) value);
                file.seek(offset);
                file.write(block);
            }
        }
    }

    private static void assertHolds(Backend backend, VolumeId id, long offset, int value)
            throws IOException {
        if (backend instanceof ImageFiles files) {
            assertThat(read(files.image(id), offset)).containsOnly((byte) value);
        }
    }

    private static byte[] read(Path image, long offset) throws IOException {
        try (var file = new RandomAccessFile(image.toFile(), "r")) {
            var block = new byte[4096];
            file.seek(offset);
            file.readFully(block);
            return block;
        }
    }

    @Test
    void aSnapshotIsFoundAsItWasMade() throws Exception {
        var backend = backend();
        var spec =
                new VolumeSpec(
                        "v",
                        CapacityRange.atLeast(16 * MIB),
                        Optional.of(FileSystemType.EXT4),
                        List.of(),
                        Provisioning.THIN,
                        4096);
        var volume = backend.create(id(backend, "v"), spec);
        var made = snapshot(backend, "s", volume.id());
        assertThat(made.differenceFrom("s", volume.id())).isEmpty();
        assertThat(made.sizeBytes()).isEqualTo(volume.capacityBytes());
        assertThat(made.fileSystem()).contains(FileSystemType.EXT4);
        assertThat(made.provisioning()).isEqualTo(Provisioning.THIN);
        assertThat(made.blockSizeBytes()).isEqualTo(4096);
        assertThat(snapshots().findSnapshot(made.id())).contains(made);
        assertThat(snapshots().findSnapshot(snapshotId(backend, "other"))).isEmpty();
    }

    @Test
    @DisplayName("47: the same create again gives the same snapshot, with its time")
    void aCreateOfAnExistingSnapshotGivesIt() throws Exception {
        var backend = backend();
        var volume = make(backend, "v", MIB);
        var other = make(backend, "w", MIB);
        var made = snapshot(backend, "s", volume.id());
        var again = snapshots().createSnapshot(made.id(), "s", volume.id());
        assertThat(again).isEqualTo(made);
        var ofOther = snapshots().createSnapshot(made.id(), "s", other.id());
        assertThat(ofOther).isEqualTo(made);
        assertThat(ofOther.differenceFrom("s", other.id())).isPresent();
    }

    @Test
    void parallelCreatesMakeOneSnapshot() throws Exception {
        var first = backend();
        var second = anotherDriver();
        var volume = make(first, "v", MIB);
        var id = snapshotId(first, "s");
        var outcomes =
                AtOnce.of(
                        THREADS,
                        i ->
                                ((Snapshots) (i % 2 == 0 ? first : second))
                                        .createSnapshot(id, "s", volume.id())
                                        .created());
        assertThat(AtOnce.refusals(outcomes)).isEmpty();
        assertThat(new HashSet<>(AtOnce.winners(outcomes))).hasSize(1);
        assertThat(snapshots().listSnapshots(Optional.empty(), Optional.empty(), 10)).hasSize(1);
    }

    @Test
    @DisplayName("40: snapshots outlive their volume")
    void snapshotsOutliveTheirVolume() throws Exception {
        var backend = backend();
        var volume = make(backend, "v", MIB);
        write(backend, volume.id(), 0, 7);
        var made = snapshot(backend, "s", volume.id());
        backend.delete(volume.id());
        assertThat(snapshots().findSnapshot(made.id())).contains(made);
        assertThat(snapshots().createSnapshot(made.id(), "s", volume.id())).isEqualTo(made);
        var restored = restored(made, "r", MIB);
        assertHolds(backend, restored.id(), 0, 7);
    }

    @Test
    void aDeletedSnapshotIsGoneAndItsVolumesStay() throws Exception {
        var backend = backend();
        var volume = make(backend, "v", MIB);
        write(backend, volume.id(), 4096, 5);
        var made = snapshot(backend, "s", volume.id());
        var restored = restored(made, "r", MIB);
        snapshots().deleteSnapshot(made.id());
        snapshots().deleteSnapshot(made.id());
        assertThat(snapshots().findSnapshot(made.id())).isEmpty();
        assertHolds(backend, volume.id(), 4096, 5);
        assertHolds(backend, restored.id(), 4096, 5);
        assertThat(backend.find(restored.id())).contains(restored);
    }

    @Test
    @DisplayName("40: a snapshot that a volume is being made from is not deleted")
    void aSnapshotThatIsBeingRestoredIsNotDeleted() throws Exception {
        var backend = backend();
        var made = snapshot(backend, "s", make(backend, "v", MIB).id());
        try (var _ = snapshots().openSnapshot(made.id())) {
            assertRefused(Reason.FAILED_PRECONDITION, () -> snapshots().deleteSnapshot(made.id()));
        }
        snapshots().deleteSnapshot(made.id());
        assertThat(snapshots().findSnapshot(made.id())).isEmpty();
    }

    @Test
    @DisplayName("44: what is not there is NOT_FOUND")
    void whatIsNotThereIsNotFound() throws Exception {
        var backend = backend();
        assertRefused(
                Reason.NOT_FOUND,
                () ->
                        snapshots()
                                .createSnapshot(
                                        snapshotId(backend, "s"), "s", id(backend, "none")));
        assertRefused(
                Reason.NOT_FOUND, () -> snapshots().openSnapshot(snapshotId(backend, "none")));
        assertRefused(Reason.NOT_FOUND, () -> cloning().openVolume(id(backend, "none")));
        snapshots().deleteSnapshot(snapshotId(backend, "none"));
    }

    @Test
    @DisplayName("11, 44: a volume begins with the snapshot's content, and zeros behind it")
    void aVolumeBeginsWithTheSnapshotsContent() throws Exception {
        var backend = backend();
        var volume = make(backend, "v", 4 * MIB);
        write(backend, volume.id(), 0, 1);
        write(backend, volume.id(), 3 * MIB, 2);
        var made = snapshot(backend, "s", volume.id());
        write(backend, volume.id(), 0, 9); // after the snapshot
        var restored = restored(made, "r", 8 * MIB);
        assertThat(restored.capacityBytes()).isEqualTo(8 * MIB);
        assertThat(restored.content()).isEqualTo(new Content.OfSnapshot(made.id()));
        assertThat(backend.find(restored.id())).contains(restored);
        assertHolds(backend, restored.id(), 0, 1);
        assertHolds(backend, restored.id(), 2 * MIB, 0);
        assertHolds(backend, restored.id(), 3 * MIB, 2);
        assertHolds(backend, restored.id(), 8 * MIB - 4096, 0);
        write(backend, restored.id(), 3 * MIB, 8);
        assertHolds(backend, volume.id(), 3 * MIB, 2);
        assertHolds(backend, restored(made, "r2", 4 * MIB).id(), 3 * MIB, 2);
    }

    @Test
    void aVolumeBeginsWithAnothersContent() throws Exception {
        var backend = backend();
        var volume = make(backend, "v", 2 * MIB);
        write(backend, volume.id(), MIB, 3);
        var content = new Content.OfVolume(volume.id());
        Volume clone;
        try (var copySource = cloning().openVolume(volume.id())) {
            clone =
                    cloning()
                            .createFrom(
                                    id(backend, "c"),
                                    from(content, "c", MIB)
                                            .holding(
                                                    copySource.sizeBytes(),
                                                    copySource.blockSizeBytes()),
                                    copySource);
        }
        assertThat(clone.content()).isEqualTo(content);
        assertThat(clone.capacityBytes()).isEqualTo(2 * MIB);
        assertHolds(backend, clone.id(), MIB, 3);
        write(backend, volume.id(), MIB, 4);
        backend.delete(volume.id());
        assertHolds(backend, clone.id(), MIB, 3);
    }

    @Test
    @DisplayName("4: a copy is formatted only if its source never was")
    void theFormatOfACopyFollowsFromItsSources() throws Exception {
        var backend = backend();
        if (!(backend instanceof FormatLedger ledger)) {
            return;
        }
        var volume = make(backend, "v", MIB);
        var ext4 = FileSystemType.EXT4;
        var states =
                List.of(
                        new FormatState.Blank(),
                        new FormatState.Formatting(ext4),
                        new FormatState.Formatted(ext4),
                        new FormatState.Adopted(),
                        new FormatState.Copied());
        for (var state : states) {
            ledger.recordFormat(volume.id(), state);
            var name = state.getClass().getSimpleName();
            var restored = restored(snapshot(backend, name, volume.id()), name, MIB);
            assertThat(ledger.formatState(restored.id())).isEqualTo(state.ofCopy());
        }
        assertThat(new FormatState.Formatted(ext4).ofCopy()).isEqualTo(new FormatState.Copied());
    }

    @Test
    @DisplayName("63: a snapshot counts against the capacity as its volume does")
    void aSnapshotCountsAgainstTheCapacity() throws Exception {
        var backend = backend();
        var volume = make(backend, "v", 8 * MIB);
        var before = backend.capacity(Provisioning.THICK).availableBytes();
        snapshot(backend, "s", volume.id());
        assertThat(backend.capacity(Provisioning.THICK).availableBytes())
                .isLessThan(before - 7 * MIB); // its file system may give or take some blocks
    }

    @Test
    @DisplayName("31: a snapshot larger than what is unreserved is refused and leaves nothing")
    void aSnapshotThatDoesNotFitIsRefused() throws Exception {
        var backend = backend();
        var largest = backend.capacity(Provisioning.THIN).largestVolumeBytes();
        var volume = backend.create(id(backend, "v"), spec("v", largest, Provisioning.THIN));
        var id = snapshotId(backend, "s");
        assertRefused(Reason.NO_SPACE, () -> snapshots().createSnapshot(id, "s", volume.id()));
        assertThat(snapshots().findSnapshot(id)).isEmpty();
        assertThat(snapshots().listSnapshots(Optional.empty(), Optional.empty(), 10)).isEmpty();
    }

    @Test
    @DisplayName("46: pages are in order of ids, hold every snapshot once, and go by volume")
    void pagesHoldEverySnapshotOnce() throws Exception {
        var backend = backend();
        var v = make(backend, "v", 512);
        var w = make(backend, "w", 512);
        for (var i = 0; i < 12; i++) {
            snapshot(backend, "s" + i, i % 3 == 0 ? w.id() : v.id());
        }
        for (var limit : List.of(1, 5, 12, 100)) {
            assertThat(ids(Optional.empty(), limit)).hasSize(12).doesNotHaveDuplicates().isSorted();
            assertThat(ids(Optional.of(w.id()), limit)).hasSize(4).isSorted();
            assertThat(ids(Optional.of(id(backend, "none")), limit)).isEmpty();
        }
    }

    private List<SnapshotId> ids(Optional<VolumeId> source, int limit) throws Exception {
        var ids = new ArrayList<SnapshotId>();
        Optional<SnapshotId> after = Optional.empty();
        while (true) {
            var page = snapshots().listSnapshots(source, after, limit);
            assertThat(page).hasSizeLessThanOrEqualTo(limit);
            if (page.isEmpty()) {
                return ids;
            }
            page.forEach(snapshot -> ids.add(snapshot.id()));
            after = Optional.of(ids.getLast());
        }
    }
}
