package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static dev.stowage.testing.TestDriver.MIB;
import static dev.stowage.testing.TestDriver.refusal;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.CapacityRange;
import csi.v1.CreateSnapshotRequest;
import csi.v1.NodeExpandVolumeRequest;
import csi.v1.NodePublishVolumeRequest;
import csi.v1.NodeStageVolumeRequest;
import csi.v1.NodeUnpublishVolumeRequest;
import csi.v1.NodeUnstageVolumeRequest;
import dev.stowage.client.CsiClient;
import dev.stowage.linux.FreezeProbe;
import dev.stowage.linux.Linux;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.ServeProcess;
import dev.stowage.testing.Strace;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Failure case 67: a volume that its user has frozen.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
final class FrozenVolumeTest {
    private static final long SIZE = 320 * MIB;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private LoopFileSystem disk;

    @SuppressWarnings("NullAway.Init")
    private ServeProcess driver;

    @SuppressWarnings("NullAway.Init")
    private CsiClient client;

    @SuppressWarnings("NullAway.Init")
    private String volume;

    @BeforeEach
    void stage() throws Exception {
        disk = LoopFileSystem.make(folder, "disk", LoopFileSystem.Kind.XFS, 2048 * MIB);
        start();
        volume =
                client.controller()
                        .createVolume(
                                TestDriver.createRequest("v").toBuilder()
                                        .setCapacityRange(
                                                CapacityRange.newBuilder().setRequiredBytes(SIZE))
                                        .putParameters("csi.storage.k8s.io/fstype", "xfs")
                                        .build())
                        .getVolume()
                        .getVolumeId();
        var _ =
                client.node()
                        .nodeStageVolume(
                                NodeStageVolumeRequest.newBuilder()
                                        .setVolumeId(volume)
                                        .setStagingTargetPath(staging().toString())
                                        .setVolumeCapability(TestDriver.mount(SINGLE_NODE_WRITER))
                                        .build());
        var _ =
                client.node()
                        .nodePublishVolume(
                                NodePublishVolumeRequest.newBuilder()
                                        .setVolumeId(volume)
                                        .setStagingTargetPath(staging().toString())
                                        .setTargetPath(target().toString())
                                        .setVolumeCapability(TestDriver.mount(SINGLE_NODE_WRITER))
                                        .build());
        Linux.freeze(staging());
    }

    private void start() throws Exception {
        driver =
                ServeProcess.start(
                        folder,
                        "n1",
                        "attach: false\npools: {ssd: {type: file, path: %s/pool}}\n"
                                .formatted(disk.mountPoint()));
        driver.awaitReady();
        client = new CsiClient(driver.socket());
    }

    @AfterEach
    void end() throws Exception {
        try {
            Linux.thaw(staging()); // where a test failed
            if (!driver.awaitEnd(0)) {
                unstage();
            }
        } finally {
            client.close();
            driver.close();
            disk.close();
        }
    }

    private Path staging() {
        return folder.resolve("staging");
    }

    private Path target() {
        return folder.resolve("target");
    }

    private long expand() {
        return client.node()
                .nodeExpandVolume(
                        NodeExpandVolumeRequest.newBuilder()
                                .setVolumeId(volume)
                                .setVolumePath(target().toString())
                                .setCapacityRange(
                                        CapacityRange.newBuilder().setRequiredBytes(2 * SIZE))
                                .build())
                .getCapacityBytes();
    }

    private void unstage() {
        var _ =
                client.node()
                        .nodeUnpublishVolume(
                                NodeUnpublishVolumeRequest.newBuilder()
                                        .setVolumeId(volume)
                                        .setTargetPath(target().toString())
                                        .build());
        var _ =
                client.node()
                        .nodeUnstageVolume(
                                NodeUnstageVolumeRequest.newBuilder()
                                        .setVolumeId(volume)
                                        .setStagingTargetPath(staging().toString())
                                        .build());
    }

    private void assertRefusedSayingHowToThaw() throws Exception {
        var refused = refusal(this::expand);
        assertThat(refused.getCode()).isEqualTo(Status.Code.ABORTED);
        assertThat(refused.getDescription()).contains(volume, "fsfreeze -u " + folder);
    }

    /// The look at the superblock finds nothing, as if it was frozen just after it.
    private Strace blind() throws Exception {
        return Strace.of(driver.pid(), folder, "fsconfig", "--inject=fsconfig:error=EINVAL:when=2");
    }

    @Test
    void itIsNotGrownAndThatSaysHowToThaw() throws Exception {
        assertRefusedSayingHowToThaw();
        assertThat(FreezeProbe.frozen(staging())).isTrue();
        Linux.thaw(staging());
        assertThat(expand()).isEqualTo(2 * SIZE);
        assertThat(Linux.statfs(staging()).totalBytes()).isGreaterThan(SIZE * 3 / 2);
    }

    @Test
    void aFreezeThatCatchesTheGrowthHoldsUpNeitherRetryNorTeardown() throws Exception {
        try (var _ = blind()) {
            assertRefusedSayingHowToThaw();
        }
        assertThat(driver.children().count()).isEqualTo(1);
        assertRefusedSayingHowToThaw();
        Polling.await(
                "unstaged",
                PATIENCE,
                () -> {
                    try {
                        unstage();
                        return true;
                    } catch (io.grpc.StatusRuntimeException e) {
                        return false; // the program ends first
                    }
                });
        Polling.await("no zombie", PATIENCE, () -> driver.children().count() == 0);
    }

    @Test
    void aDriverWithAGrowthThatHangsEndsAndItsSuccessorGoesOn() throws Exception {
        try (var _ = blind()) {
            assertRefusedSayingHowToThaw();
        }
        var hung = driver.children().toList();
        assertThat(hung).hasSize(1);
        driver.terminate();
        assertThat(driver.awaitEnd(25)).isTrue();
        client.close();
        start();
        assertRefusedSayingHowToThaw();
        assertThat(FreezeProbe.frozen(staging())).isTrue();
        Linux.thaw(staging());
        Polling.await("the program ended", PATIENCE, () -> !hung.getFirst().isAlive());
        assertThat(expand()).isEqualTo(2 * SIZE);
    }

    @Test
    void aSnapshotIsTakenAndItStaysFrozen() throws Exception {
        var snapshot =
                client.controller()
                        .createSnapshot(
                                CreateSnapshotRequest.newBuilder()
                                        .setName("s")
                                        .setSourceVolumeId(volume)
                                        .build())
                        .getSnapshot();
        assertThat(snapshot.getReadyToUse()).isTrue();
        assertThat(FreezeProbe.frozen(staging())).isTrue();
    }

    @Test
    void itIsUnstagedAllTheSame() throws Exception {
        unstage();
        assertThat(Files.exists(target())).isFalse();
    }
}
