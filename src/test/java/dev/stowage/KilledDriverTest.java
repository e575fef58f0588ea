package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.CapacityRange;
import csi.v1.DeleteVolumeRequest;
import csi.v1.NodeExpandVolumeRequest;
import csi.v1.NodePublishVolumeRequest;
import csi.v1.NodeStageVolumeRequest;
import csi.v1.NodeUnpublishVolumeRequest;
import csi.v1.NodeUnstageVolumeRequest;
import dev.stowage.linux.Linux;
import dev.stowage.testing.KillableDriver;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// A whole driver that strace kills as it enters a system call, and the one that comes after it.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class KilledDriverTest {
    private static final long SIZE = 320 * TestDriver.MIB;

    @TempDir(factory = TestFolder.class)
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private KillableDriver driver;

    @SuppressWarnings("NullAway.Init")
    private String id;

    @BeforeEach
    void start() throws Exception {
        driver =
                new KillableDriver(
                        folder,
                        "attach: false\npools: {ssd: {type: file, path: %s/ssd}}\n"
                                .formatted(folder));
        create();
    }

    private void create() {
        var request =
                TestDriver.createRequest("data").toBuilder()
                        .setCapacityRange(CapacityRange.newBuilder().setRequiredBytes(SIZE))
                        .putParameters("csi.storage.k8s.io/fstype", "xfs");
        id = driver.client().controller().createVolume(request.build()).getVolume().getVolumeId();
    }

    @AfterEach
    void end() {
        driver.close();
    }

    /// Failure cases 4 and 26: the ledger's writes come after the attach, the mount last.
    @Test
    void aStageThatIsKilledIsFinishedByTheRetryOnTheSameLoopDevice() throws Exception {
        for (var step : List.of("fsync:when=1", "rename:when=1", "fsync:when=4", "move_mount")) {
            driver.killedAt(step, this::stage);
            assertThat(loops()).as(step).hasSize(1);
            var loop = loops();
            assertThat(mounts("staging")).isEmpty();
            stage();
            assertThat(loops()).as(step).isEqualTo(loop);
            assertThat(mounts("staging")).hasSize(1);
            unstage();
            assertThat(loops()).isEmpty();
            if (!step.equals("move_mount")) {
                deleteAndCreate();
            }
        }
    }

    /// Failure case 22.
    @Test
    void aReadOnlyPublishThatIsKilledLeavesNoWritableMount() throws Exception {
        stage();
        for (var step : List.of("open_tree", "mount_setattr", "move_mount")) {
            driver.killedAt(step, this::publishReadOnly);
            assertThat(mounts("target")).as(step).isEmpty();
            publishReadOnly();
            assertThat(mounts("target")).singleElement().asString().contains(" ro,");
            unpublish();
        }
        unstage();
    }

    /// Failure case 30.
    @Test
    void aGrowthThatIsKilledAnywhereIsFinishedByTheRetry() throws Exception {
        stage();
        var bytes = SIZE;
        for (var step :
                List.of(
                        "fallocate",
                        "fsync:when=1",
                        "fsync:when=2",
                        "rename",
                        "fsync:when=3",
                        "ioctl:when=3",
                        "ioctl:when=6")) {
            bytes += 64 * TestDriver.MIB;
            var wanted = bytes;
            driver.killedAt(step, () -> expand(wanted));
            expand(wanted);
            assertThat(Files.size(image())).as(step).isEqualTo(wanted);
            assertThat(Linux.statfs(folder.resolve("staging")).totalBytes())
                    .as(step)
                    .isGreaterThan(wanted * 3 / 4);
        }
        unstage();
    }

    private void deleteAndCreate() throws Exception {
        var request = DeleteVolumeRequest.newBuilder().setVolumeId(id).build();
        var _ = driver.client().controller().deleteVolume(request);
        driver.restart();
        create();
    }

    private void stage() {
        var _ =
                driver.client()
                        .node()
                        .nodeStageVolume(
                                NodeStageVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setStagingTargetPath(path("staging"))
                                        .setVolumeCapability(TestDriver.mount(SINGLE_NODE_WRITER))
                                        .build());
    }

    private void unstage() {
        var _ =
                driver.client()
                        .node()
                        .nodeUnstageVolume(
                                NodeUnstageVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setStagingTargetPath(path("staging"))
                                        .build());
    }

    private void publishReadOnly() {
        var _ =
                driver.client()
                        .node()
                        .nodePublishVolume(
                                NodePublishVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setStagingTargetPath(path("staging"))
                                        .setTargetPath(path("target"))
                                        .setReadonly(true)
                                        .setVolumeCapability(TestDriver.mount(SINGLE_NODE_WRITER))
                                        .build());
    }

    private void unpublish() {
        var _ =
                driver.client()
                        .node()
                        .nodeUnpublishVolume(
                                NodeUnpublishVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setTargetPath(path("target"))
                                        .build());
    }

    private void expand(long bytes) {
        var _ =
                driver.client()
                        .node()
                        .nodeExpandVolume(
                                NodeExpandVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setVolumePath(path("staging"))
                                        .setCapacityRange(
                                                CapacityRange.newBuilder().setRequiredBytes(bytes))
                                        .build());
    }

    private String path(String name) {
        return folder.resolve(name).toString();
    }

    private Path image() {
        return folder.resolve("ssd/volumes").resolve(id).resolve("image");
    }

    private List<String> mounts(String name) throws Exception {
        return Files.readAllLines(Path.of("/proc/self/mountinfo"), ISO_8859_1).stream()
                .filter(line -> line.contains(" " + path(name) + " "))
                .toList();
    }

    private List<Path> loops() throws Exception {
        try (var devices = Files.list(Path.of("/sys/block"))) {
            return devices.filter(this::isBoundToTheImage).toList();
        }
    }

    private boolean isBoundToTheImage(Path device) {
        try {
            var backing = Files.readString(device.resolve("loop/backing_file")).strip();
            return backing.equals(image().toString());
        } catch (IOException e) {
            return false; // no loop device, or not bound
        }
    }
}
