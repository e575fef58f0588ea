package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.CapacityRange;
import csi.v1.ControllerExpandVolumeRequest;
import csi.v1.CreateVolumeRequest;
import csi.v1.ListSnapshotsRequest;
import csi.v1.Snapshot;
import csi.v1.Volume;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import dev.stowage.testing.TestSnapshots;
import io.grpc.Status;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// external-provisioner refuses a claim that asks for less than the snapshot's size, before it
/// calls the driver.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
@DisplayName("77: what a claim asked for is enough to restore its snapshot")
class RoundedUpSnapshotTest {
    private static final long MIB = 1L << 20;

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private LoopFileSystem disk;

    @SuppressWarnings("NullAway.Init")
    private TestDriver driver;

    @SuppressWarnings("NullAway.Init")
    private TestSnapshots snapshots;

    @BeforeEach
    void start() throws Exception {
        disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.XFS, 4096 * MIB);
        startDriver();
    }

    private void startDriver() throws Exception {
        driver =
                TestDriver.start(
                        folder,
                        "n1",
                        "attach: true\npools: {ssd: {type: file, path: %s/pool, shared: true}}\n"
                                .formatted(disk.mountPoint()));
        snapshots = new TestSnapshots(driver::controller);
    }

    @AfterEach
    void end() throws Exception {
        driver.close();
        disk.close();
    }

    private static CreateVolumeRequest.Builder claim(String name, String type, long bytes) {
        return TestSnapshots.volume(name, "ssd", type, bytes);
    }

    /// As the provisioner makes it.
    private Volume restore(String name, String type, long bytes, Snapshot snapshot) {
        assertThat(snapshot.getSizeBytes()).as("restoreSize").isLessThanOrEqualTo(bytes);
        return snapshots.make(
                claim(name, type, bytes)
                        .setVolumeContentSource(TestSnapshots.snapshot(snapshot.getSnapshotId())));
    }

    @ParameterizedTest
    @CsvSource({
        "xfs, 104857600, 314572800",
        "ext4, 1048576, 16777216",
        "btrfs, 1048576, 117440512",
        "ext4, 100000001, 100663296",
        "ext4, 67108864, 67108864"
    })
    void aSnapshotOfARoundedUpClaimIsRestoredWithTheSameRequest(String type, long asked, long made)
            throws Exception {
        var volume = snapshots.make(claim("data", type, asked));
        assertThat(volume.getCapacityBytes()).isEqualTo(made);
        var snapshot = snapshots.createReady("s", volume.getVolumeId());
        assertThat(snapshot.getSizeBytes()).isEqualTo(asked);
        assertThat(snapshots.page(ListSnapshotsRequest.newBuilder()).getEntries(0).getSnapshot())
                .isEqualTo(snapshot);
        var restored = restore("restored", type, asked, snapshot);
        assertThat(restored.getCapacityBytes()).isEqualTo(made);
        assertThat(restore("restored", type, asked, snapshot)).isEqualTo(restored);

        var again = snapshots.createReady("again", restored.getVolumeId());
        assertThat(again.getSizeBytes()).isEqualTo(asked);
        assertThat(restore("restored-again", type, asked, again).getCapacityBytes())
                .isEqualTo(made);
    }

    @Test
    void aRestoreThatAskedForLessThanItGotCanBeRestoredSoToo() throws Exception {
        var volume = snapshots.make(claim("data", "ext4", 64 * MIB));
        var snapshot = snapshots.createReady("s", volume.getVolumeId());
        var smaller =
                snapshots.make(
                        claim("smaller", "ext4", 20 * MIB)
                                .setVolumeContentSource(
                                        TestSnapshots.snapshot(snapshot.getSnapshotId())));
        assertThat(smaller.getCapacityBytes()).isEqualTo(64 * MIB);
        var second = snapshots.createReady("second", smaller.getVolumeId());
        assertThat(restore("again", "ext4", 20 * MIB, second).getCapacityBytes())
                .isEqualTo(64 * MIB);
    }

    @Test
    void aLimitBelowTheContentIsStillOutOfRange() throws Exception {
        var volume = snapshots.make(claim("data", "xfs", 100 * MIB));
        var snapshot = snapshots.createReady("s", volume.getVolumeId());
        var request =
                claim("restored", "xfs", 100 * MIB)
                        .setCapacityRange(
                                CapacityRange.newBuilder()
                                        .setRequiredBytes(100 * MIB)
                                        .setLimitBytes(299 * MIB))
                        .setVolumeContentSource(TestSnapshots.snapshot(snapshot.getSnapshotId()));
        assertThat(TestDriver.refusal(() -> snapshots.make(request)).getCode())
                .isEqualTo(Status.Code.OUT_OF_RANGE);
    }

    @Test
    void aClaimThatGrewAsksForItsNewSize() throws Exception {
        var volume = snapshots.make(claim("data", "xfs", 100 * MIB));
        expand(volume, 200 * MIB); // which it has already
        var before = snapshots.createReady("before", volume.getVolumeId());
        assertThat(before.getSizeBytes()).isBetween(1L, 200 * MIB);
        expand(volume, 400 * MIB + 1);
        var after = snapshots.createReady("after", volume.getVolumeId());
        assertThat(after.getSizeBytes()).isEqualTo(400 * MIB + 1);
        assertThat(restore("restored", "xfs", 400 * MIB + 1, after).getCapacityBytes())
                .isEqualTo(401 * MIB);
    }

    private void expand(Volume volume, long bytes) {
        var _ =
                driver.controller()
                        .controllerExpandVolume(
                                ControllerExpandVolumeRequest.newBuilder()
                                        .setVolumeId(volume.getVolumeId())
                                        .setCapacityRange(
                                                CapacityRange.newBuilder().setRequiredBytes(bytes))
                                        .build());
    }

    /// They do not say what was asked for.
    @Test
    void recordsOfEarlierVersionsAreReadAndTellTheWholeSize() throws Exception {
        var volume = snapshots.make(claim("data", "xfs", 100 * MIB));
        var snapshot = snapshots.createReady("s", volume.getVolumeId());
        driver.close();
        var pool = disk.mountPoint().resolve("pool");
        withoutRequest(pool.resolve("volumes/" + volume.getVolumeId() + "/volume.json"));
        withoutRequest(pool.resolve("snapshots/" + snapshot.getSnapshotId() + "/snapshot.json"));
        startDriver();
        assertThat(snapshots.get(snapshot.getSnapshotId()).getSizeBytes()).isEqualTo(300 * MIB);
        assertThat(snapshots.createReady("new", volume.getVolumeId()).getSizeBytes())
                .isEqualTo(300 * MIB);
        assertThat(snapshots.make(claim("data", "xfs", 100 * MIB))).isEqualTo(volume);
    }

    private static void withoutRequest(Path record) throws Exception {
        var text = Files.readString(record);
        var without = text.replaceAll("\"requestedBytes\" : [0-9]+,", "");
        assertThat(without).isNotEqualTo(text);
        Files.writeString(record, without);
    }
}
