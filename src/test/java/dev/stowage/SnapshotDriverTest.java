package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static dev.stowage.testing.TestDriver.MIB;
import static dev.stowage.testing.TestDriver.NODE;
import static dev.stowage.testing.TestDriver.refusal;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.CapacityRange;
import csi.v1.ListSnapshotsRequest;
import csi.v1.Volume;
import csi.v1.VolumeContentSource;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import dev.stowage.testing.TestSnapshots;
import dev.stowage.testing.TwoPools;
import io.grpc.Status;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Snapshots and copies as the sidecars and the kubelet meet them: in a pool that clones
/// blocks and in one that copies bytes.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class SnapshotDriverTest {
    private static final long SIZE = 32 * MIB;

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private TwoPools pools;

    @SuppressWarnings("NullAway.Init")
    private TestDriver driver;

    @SuppressWarnings("NullAway.Init")
    private TestSnapshots snapshots;

    @BeforeEach
    void start() throws IOException {
        pools = TwoPools.make(folder);
        driver = TestDriver.start(folder, NODE, pools.yaml());
        snapshots = new TestSnapshots(driver::controller);
    }

    @AfterEach
    void end() throws IOException {
        driver.close();
        pools.close();
    }

    private String create(String name, String pool, String fileSystem, long bytes) {
        return snapshots.make(TestSnapshots.volume(name, pool, fileSystem, bytes)).getVolumeId();
    }

    private String create(String name, String pool) {
        return create(name, pool, "ext4", SIZE);
    }

    private Volume copy(String name, String pool, long bytes, VolumeContentSource source) {
        return snapshots.make(
                TestSnapshots.volume(name, pool, "ext4", bytes).setVolumeContentSource(source));
    }

    private Path stage(String id) throws IOException {
        return driver.stage(id, Map.of(), SINGLE_NODE_WRITER);
    }

    /// Stages the volume and writes the word into its file, durably.
    private void write(String id, String word) throws IOException {
        try (var file =
                Fd.open(
                        stage(id).resolve("file"),
                        OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_TRUNC,
                        0644)) {
            assertThat(file.write(ByteBuffer.wrap(word.getBytes(StandardCharsets.UTF_8)), 0))
                    .isEqualTo(word.length());
            file.fsync();
        }
    }

    /// The volume's only file, and the size of its file system; unstaged again.
    private void assertHolds(String id, String word, long leastBytes) throws IOException {
        var staging = stage(id);
        assertThat(staging.resolve("file")).hasContent(word);
        assertThat(Linux.statfs(staging).totalBytes()).isGreaterThan(leastBytes * 3 / 4);
        driver.unstage(id);
    }

    private static void assertRefused(Status.Code code, String words, Callable<?> call)
            throws Exception {
        var refused = refusal(call);
        assertThat(refused.getCode()).as(refused.toString()).isEqualTo(code);
        assertThat(refused.getDescription()).contains(words);
    }

    /// Failure case 11.
    @ParameterizedTest
    @CsvSource({"shares, ext4, 32", "shares, xfs, 300", "shares, btrfs, 256", "copies, ext4, 32"})
    void aSnapshotIsRestoredAsLargeAsItWasOrLargerAndTheFileSystemGrows(
            String pool, String fileSystem, long mebibytes) throws Exception {
        var bytes = mebibytes * MIB;
        var id = create("data", pool, fileSystem, bytes);
        write(id, "before");
        if (pool.equals("copies")) {
            driver.unstage(id);
        }
        var snapshot = snapshots.createReady("s", id);
        assertThat(snapshot.getSourceVolumeId()).isEqualTo(id);
        assertThat(snapshot.getSizeBytes()).isEqualTo(bytes);
        write(id, "after");
        driver.unstage(id);

        for (var wanted : List.of(bytes, 2 * bytes)) {
            var source = TestSnapshots.snapshot(snapshot.getSnapshotId());
            var restored =
                    snapshots.make(
                            TestSnapshots.volume("restored-" + wanted, pool, fileSystem, wanted)
                                    .setVolumeContentSource(source));
            assertThat(restored.getContentSource()).isEqualTo(source);
            assertThat(restored.getCapacityBytes()).isEqualTo(wanted);
            assertHolds(restored.getVolumeId(), "before", wanted);
        }
        assertHolds(id, "after", bytes);
        assertThat(snapshots.get(snapshot.getSnapshotId())).isEqualTo(snapshot);
    }

    /// Failure case 10.
    @ParameterizedTest
    @CsvSource({"ext4, 32", "xfs, 300", "btrfs, 128"})
    void aCloneOfAVolumeInUseIsUsedBesideItOnOneNode(String fileSystem, long mebibytes)
            throws Exception {
        var id = create("data", "shares", fileSystem, mebibytes * MIB);
        write(id, "source");
        var source = TestSnapshots.volume(id);
        var clone =
                snapshots.make(
                        TestSnapshots.volume("clone", "shares", fileSystem, mebibytes * MIB)
                                .setVolumeContentSource(source));
        assertThat(clone.getContentSource()).isEqualTo(source);
        assertThat(stage(clone.getVolumeId()).resolve("file")).hasContent("source");
        write(clone.getVolumeId(), "clone");
        assertThat(driver.staging(id).resolve("file")).hasContent("source");
        driver.unstage(clone.getVolumeId());
        driver.unstage(id);
        driver.delete(id);
        assertHolds(clone.getVolumeId(), "clone", 0);
    }

    @Test
    void aVolumeInUseIsRefusedWhereItWouldBeCopiedByteByByte() throws Exception {
        var id = create("data", "copies");
        write(id, "before");
        assertRefused(
                Status.Code.FAILED_PRECONDITION, "is in use", () -> snapshots.create("s", id));
        assertRefused(
                Status.Code.FAILED_PRECONDITION,
                "is in use",
                () -> copy("clone", "copies", SIZE, TestSnapshots.volume(id)));
        assertThat(snapshots.listed(ListSnapshotsRequest.newBuilder())).isEmpty();
        driver.unstage(id);
        var snapshot = snapshots.createReady("s", id);
        assertHolds(
                copy("r", "copies", SIZE, TestSnapshots.snapshot(snapshot.getSnapshotId()))
                        .getVolumeId(),
                "before",
                SIZE);
    }

    /// Failure case 44: done by copy.
    @ParameterizedTest
    @CsvSource({"shares, copies", "copies, shares"})
    void aSnapshotAndAVolumeBecomeVolumesOfAnotherPool(String from, String to) throws Exception {
        var id = create("data", from);
        write(id, "content");
        driver.unstage(id);
        var snapshot = snapshots.createReady("s", id).getSnapshotId();
        var restored = copy("restored", to, 2 * SIZE, TestSnapshots.snapshot(snapshot));
        assertThat(restored.getVolumeId()).startsWith(to + ".");
        assertHolds(restored.getVolumeId(), "content", 2 * SIZE);
        assertHolds(
                copy("clone", to, SIZE, TestSnapshots.volume(id)).getVolumeId(), "content", SIZE);
        assertHolds(id, "content", SIZE);
    }

    /// Failure case 44.
    @Test
    void aCopySourceThatIsMissingOrTooLargeIsRefused() throws Exception {
        var id = create("data", "shares");
        var snapshot = snapshots.createReady("s", id).getSnapshotId();
        var missing = List.of("nothing", snapshot.replaceAll(".{4}$", "0000"));
        for (var each : missing) {
            assertRefused(
                    Status.Code.NOT_FOUND,
                    each,
                    () -> copy("r", "shares", SIZE, TestSnapshots.snapshot(each)));
            assertRefused(Status.Code.NOT_FOUND, each, () -> snapshots.get(each));
            snapshots.delete(each);
        }
        assertRefused(
                Status.Code.NOT_FOUND,
                "nothing",
                () -> copy("r", "shares", SIZE, TestSnapshots.volume("nothing")));
        assertRefused(Status.Code.NOT_FOUND, "nothing", () -> snapshots.create("other", "nothing"));
        for (var source : List.of(TestSnapshots.snapshot(snapshot), TestSnapshots.volume(id))) {
            var smaller =
                    TestSnapshots.volume("r", "shares", "ext4", SIZE / 2)
                            .setCapacityRange(CapacityRange.newBuilder().setLimitBytes(SIZE / 2))
                            .setVolumeContentSource(source);
            assertRefused(Status.Code.OUT_OF_RANGE, "", () -> snapshots.make(smaller));
        }
    }

    /// Failure case 42: the provisioner then tries another node.
    @Test
    void aCopySourceInAPoolThatIsNotHereSendsTheVolumeElsewhere() throws Exception {
        var there = "other.ffffffff.%s" + "0".repeat(32);
        for (var source :
                List.of(
                        TestSnapshots.snapshot(there.formatted("s")),
                        TestSnapshots.volume(there.formatted("v")))) {
            assertRefused(
                    Status.Code.RESOURCE_EXHAUSTED,
                    "lies in pool other (ffffffff), which is not here",
                    () -> copy("r", "shares", SIZE, source));
        }
    }

    /// Failure case 47.
    @Test
    void aRetryGivesTheSameAndATakenNameIsRefused() throws Exception {
        var id = create("data", "shares");
        var other = create("other", "shares");
        var elsewhere = create("elsewhere", "copies");
        var made = snapshots.createReady("s", id);
        assertThat(snapshots.create("s", id)).isEqualTo(made);
        assertRefused(
                Status.Code.ALREADY_EXISTS,
                made.getSnapshotId(),
                () -> snapshots.create("s", other));
        // a name is taken in one pool: no other pool is read for it
        assertThat(snapshots.create("s", elsewhere).getSnapshotId())
                .isNotEqualTo(made.getSnapshotId());
        var ofSnapshot = TestSnapshots.snapshot(made.getSnapshotId());
        var restored = copy("r", "shares", SIZE, ofSnapshot);
        assertThat(copy("r", "shares", SIZE, ofSnapshot)).isEqualTo(restored);
        assertRefused(
                Status.Code.ALREADY_EXISTS,
                restored.getVolumeId(),
                () -> copy("r", "shares", SIZE, TestSnapshots.volume(id)));
        assertRefused(
                Status.Code.ALREADY_EXISTS, restored.getVolumeId(), () -> create("r", "shares"));
        assertRefused(
                Status.Code.ALREADY_EXISTS, other, () -> copy("other", "shares", SIZE, ofSnapshot));
    }

    /// Failure case 40. A restored volume owes nothing to its snapshot either.
    @ParameterizedTest
    @CsvSource({"shares", "copies"})
    void aSnapshotOutlivesItsVolumeAndARestoredVolumeItsSnapshot(String pool) throws Exception {
        var id = create("data", pool);
        write(id, "content");
        driver.unstage(id);
        var snapshot = snapshots.createReady("s", id);
        driver.delete(id);
        assertThat(snapshots.get(snapshot.getSnapshotId())).isEqualTo(snapshot);
        assertThat(snapshots.create("s", id)).as("a retry that comes late").isEqualTo(snapshot);
        var restored = copy("r", pool, SIZE, TestSnapshots.snapshot(snapshot.getSnapshotId()));
        snapshots.delete(snapshot.getSnapshotId());
        snapshots.delete(snapshot.getSnapshotId());
        assertRefused(
                Status.Code.NOT_FOUND,
                snapshot.getSnapshotId(),
                () -> snapshots.get(snapshot.getSnapshotId()));
        assertHolds(restored.getVolumeId(), "content", SIZE);
    }

    @Test
    void snapshotsAreListedByIdBySourceAndInPagesThatStayTrueWhileSomeGo() throws Exception {
        var first = create("first", "shares");
        var second = create("second", "copies");
        var ofFirst = new TreeSet<String>();
        var all = new TreeSet<String>();
        for (var i = 0; i < 5; i++) {
            ofFirst.add(snapshots.createReady("f" + i, first).getSnapshotId());
            all.add(snapshots.createReady("s" + i, second).getSnapshotId());
        }
        all.addAll(ofFirst);
        var one = ofFirst.first();
        var request = ListSnapshotsRequest.newBuilder();
        assertThat(snapshots.listed(request)).containsExactlyElementsOf(all);
        assertThat(snapshots.listed(request.clone().setSourceVolumeId(first)))
                .containsExactlyElementsOf(ofFirst);
        assertThat(snapshots.listed(request.clone().setSnapshotId(one))).containsExactly(one);
        assertThat(snapshots.listed(request.clone().setSnapshotId(one).setSourceVolumeId(second)))
                .isEmpty();
        for (var nothing : List.of("nothing", "other.ffffffff.s" + "0".repeat(32))) {
            assertThat(snapshots.listed(request.clone().setSnapshotId(nothing))).isEmpty();
        }
        assertThat(snapshots.listed(request.clone().setSourceVolumeId("nothing"))).isEmpty();

        var page = snapshots.page(request.clone().setMaxEntries(4));
        var seen = new ArrayList<>(TestSnapshots.ids(page));
        assertThat(seen).hasSize(4);
        snapshots.delete(seen.getLast());
        while (!page.getNextToken().isEmpty()) {
            page =
                    snapshots.page(
                            request.clone().setMaxEntries(4).setStartingToken(page.getNextToken()));
            seen.addAll(TestSnapshots.ids(page));
        }
        assertThat(seen).containsExactlyElementsOf(all);
        assertRefused(
                Status.Code.ABORTED,
                "garbage",
                () -> snapshots.page(request.clone().setStartingToken("garbage")));
    }

    @Test
    void aSnapshotTellsItsPlaceAndIsMadeInNoOther() throws Exception {
        var id = create("data", "shares");
        var made = snapshots.createReady("s", id);
        assertThat(made.getAccessibleTopologyList()).hasSize(1);
        assertThat(made.getAccessibleTopology(0).getSegmentsMap())
                .isEqualTo(Map.of("topology.csi.stowage.dev/node", NODE));
        var elsewhere =
                csi.v1.CreateSnapshotRequest.newBuilder()
                        .setName("elsewhere")
                        .setSourceVolumeId(id)
                        .setAccessibilityRequirements(
                                csi.v1.TopologyRequirement.newBuilder()
                                        .addRequisite(
                                                csi.v1.Topology.newBuilder()
                                                        .putSegments(
                                                                "topology.csi.stowage.dev/node",
                                                                "n9")))
                        .build();
        assertRefused(
                Status.Code.RESOURCE_EXHAUSTED,
                "reached only at",
                () -> driver.controller().createSnapshot(elsewhere));
        assertThat(snapshots.listed(ListSnapshotsRequest.newBuilder())).hasSize(1);
    }
}
