package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static dev.stowage.testing.TestDriver.MIB;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import csi.v1.DeleteVolumeRequest;
import csi.v1.ListSnapshotsRequest;
import csi.v1.NodeStageVolumeRequest;
import csi.v1.NodeUnstageVolumeRequest;
import csi.v1.Volume;
import dev.stowage.testing.KillableDriver;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.Strace;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import dev.stowage.testing.TestSnapshots;
import dev.stowage.testing.TwoPools;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Failure case 36: a driver that is killed in the middle of a snapshot, a restore or a delete, and
/// the one that comes after it.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class KilledSnapshotTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final long SIZE = 32 * MIB;

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private TwoPools pools;

    @SuppressWarnings("NullAway.Init")
    private KillableDriver driver;

    @SuppressWarnings("NullAway.Init")
    private TestSnapshots snapshots;

    /// More than what one write of a copy takes.
    private final byte[] content = new byte[(int) (6 * MIB)];

    @BeforeEach
    void start() throws Exception {
        new Random(1).nextBytes(content);
        pools = TwoPools.make(folder);
        driver = new KillableDriver(folder, pools.yaml());
        snapshots = new TestSnapshots(() -> driver.client().controller());
    }

    @AfterEach
    void end() throws IOException {
        driver.close();
        pools.close();
    }

    @Test
    void aCloneOfBlocksThatIsKilledIsThereWholeOrNotAtAll() throws Exception {
        var _ =
                snapshotIsKilledAt(
                        "shares",
                        List.of(
                                "ioctl",
                                "pwrite64", // right after FICLONE
                                "fsync:when=2",
                                "renameat2",
                                "fsync:when=6"));
    }

    @Test
    void aCopyOfBytesThatIsKilledIsGoneOrGoesOnByItself() throws Exception {
        var begun =
                snapshotIsKilledAt(
                        "copies",
                        List.of(
                                "fallocate",
                                "renameat2",
                                "pwrite64:when=3",
                                "pwrite64:when=5",
                                "rename"));
        assertThat(begun).contains("rename").doesNotContain("fallocate", "renameat2");
    }

    /// @return the steps after which the snapshot was there when the next driver had started
    private List<String> snapshotIsKilledAt(String pool, List<String> steps) throws Exception {
        var source = written(pool);
        var expected = snapshots.create("s", source).getSnapshotId();
        snapshots.delete(expected);
        var begun = new ArrayList<String>();
        for (var step : steps) {
            driver.killedAt(step, () -> snapshots.create("s", source));
            assertNothingIsHalfMade(pool);
            for (var there : snapshots.listed(ListSnapshotsRequest.newBuilder())) {
                assertThat(there).as(step).isEqualTo(expected);
                begun.add(step);
                Polling.await(
                        step + ": the snapshot is ready without being asked for again",
                        PATIENCE,
                        () -> snapshots.get(expected).getReadyToUse());
            }
            assertThat(snapshots.createReady("s", source).getSnapshotId())
                    .as(step)
                    .isEqualTo(expected);
            var restored = restore(pool, expected);
            assertHoldsTheContent(restored.getVolumeId());
            delete(restored.getVolumeId());
            snapshots.delete(expected);
        }
        return begun;
    }

    /// 500 ms for each MiB, while the others write a few small files.
    @Test
    void aCopyThatTakesLongIsNotReadyUntilItIsWholeAndKeepsNobodyElseWaiting() throws Exception {
        var source = written("copies");
        stage(source);
        Files.write(staging().resolve("more"), new byte[(int) (16 * MIB)]);
        unstage(source);
        var used = made("used");
        stage(used); // so that mkfs does not run slowly
        unstage(used);
        var delay = "--inject=pwrite64:delay_exit=500000";
        try (var _ = Strace.of(driver.pid(), folder, "pwrite64", delay)) {
            var slow = snapshots.create("s", source);
            assertThat(slow.getReadyToUse()).isFalse();
            stage(used);
            var other = made("other");
            assertThat(snapshots.createReady("of-other", other).getReadyToUse()).isTrue();
            unstage(used);
            assertThat(snapshots.get(slow.getSnapshotId()).getReadyToUse()).isFalse();
        }
        var whole = snapshots.createReady("s", source);
        var restored = restore("copies", whole.getSnapshotId());
        assertHoldsTheContent(restored.getVolumeId());
    }

    private String made(String name) {
        return snapshots.make(TestSnapshots.volume(name, "copies", "ext4", SIZE)).getVolumeId();
    }

    @Test
    void aRestoreThatIsKilledLeavesNothingAndTheRetryHasTheSameId() throws Exception {
        for (var pool : List.of("shares", "copies")) {
            var snapshot = snapshots.createReady("s-" + pool, written(pool)).getSnapshotId();
            var expected = restore(pool, snapshot).getVolumeId();
            delete(expected);
            for (var step : List.of("fallocate", "pwrite64:when=2", "renameat2", "fsync:when=7")) {
                driver.killedAt(step, () -> restore(pool, snapshot));
                assertNothingIsHalfMade(pool);
                assertThat(restore(pool, snapshot).getVolumeId()).as(step).isEqualTo(expected);
                assertHoldsTheContent(expected);
                delete(expected);
            }
        }
    }

    @Test
    void aDeleteThatIsKilledIsFinishedByTheRetryAndTheNextStartErasesTheBytes() throws Exception {
        var source = written("shares");
        for (var step : List.of("renameat2", "fsync:when=1", "fsync:when=2")) {
            var id = snapshots.createReady("s", source).getSnapshotId();
            driver.killedAt(step, () -> snapshots.delete(id));
            for (var there : snapshots.listed(ListSnapshotsRequest.newBuilder())) {
                assertThat(snapshots.get(there).getReadyToUse()).as(step).isTrue();
            }
            snapshots.delete(id);
            assertThat(snapshots.listed(ListSnapshotsRequest.newBuilder())).as(step).isEmpty();
            Polling.await(step + ": the trash is empty", PATIENCE, () -> empty("shares", ".trash"));
        }
    }

    /// A volume of the pool with a file in it, unstaged.
    private String written(String pool) throws IOException {
        var id =
                snapshots
                        .make(TestSnapshots.volume("data-" + pool, pool, "ext4", SIZE))
                        .getVolumeId();
        stage(id);
        Files.write(staging().resolve("file"), content);
        unstage(id);
        return id;
    }

    private Volume restore(String pool, String snapshot) {
        return snapshots.make(
                TestSnapshots.volume("restored-" + pool, pool, "ext4", SIZE)
                        .setVolumeContentSource(TestSnapshots.snapshot(snapshot)));
    }

    private void assertHoldsTheContent(String id) throws IOException {
        stage(id);
        assertThat(staging().resolve("file")).hasBinaryContent(content);
        unstage(id);
    }

    private void assertNothingIsHalfMade(String pool) throws IOException {
        if (!empty(pool, ".incoming")) {
            fail("the start left something in .incoming of pool %s".formatted(pool));
        }
    }

    private boolean empty(String pool, String name) throws IOException {
        try (var entries = Files.list(pools.folder(pool).resolve(name))) {
            return entries.findAny().isEmpty();
        }
    }

    private Path staging() {
        return folder.resolve("staging");
    }

    private void stage(String id) {
        var _ =
                driver.client()
                        .node()
                        .nodeStageVolume(
                                NodeStageVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setStagingTargetPath(staging().toString())
                                        .setVolumeCapability(TestDriver.mount(SINGLE_NODE_WRITER))
                                        .build());
    }

    private void unstage(String id) {
        var _ =
                driver.client()
                        .node()
                        .nodeUnstageVolume(
                                NodeUnstageVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setStagingTargetPath(staging().toString())
                                        .build());
    }

    private void delete(String id) {
        var request = DeleteVolumeRequest.newBuilder().setVolumeId(id).build();
        var _ = driver.client().controller().deleteVolume(request);
    }
}
