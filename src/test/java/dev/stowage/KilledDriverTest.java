package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.CapacityRange;
import csi.v1.DeleteVolumeRequest;
import csi.v1.NodeExpandVolumeRequest;
import csi.v1.NodePublishVolumeRequest;
import csi.v1.NodeStageVolumeRequest;
import csi.v1.NodeUnpublishVolumeRequest;
import csi.v1.NodeUnstageVolumeRequest;
import dev.stowage.linux.Linux;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
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
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final long SIZE = 320 * TestDriver.MIB;

    @TempDir(factory = TestFolder.class)
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private DriverProcess driver;

    @SuppressWarnings("NullAway.Init")
    private CsiClient client;

    @SuppressWarnings("NullAway.Init")
    private String id;

    @BeforeEach
    void create() throws Exception {
        start();
        var request =
                TestDriver.createRequest("data").toBuilder()
                        .setCapacityRange(CapacityRange.newBuilder().setRequiredBytes(SIZE))
                        .putParameters("csi.storage.k8s.io/fstype", "xfs");
        id = client.controller().createVolume(request.build()).getVolume().getVolumeId();
    }

    private void start() throws Exception {
        driver =
                DriverProcess.start(
                        folder,
                        "n1",
                        "attach: false\npools: {ssd: {type: file, path: %s/ssd}}\n"
                                .formatted(folder));
        driver.awaitReady();
        client = new CsiClient(driver.socket());
    }

    @AfterEach
    void end() {
        client.close();
        driver.close();
    }

    /// Failure cases 4 and 26: the ledger's writes come after the attach, the mount last.
    @Test
    void aStageThatIsKilledIsFinishedByTheRetryOnTheSameLoopDevice() throws Exception {
        for (var step : List.of("fsync:when=1", "rename:when=1", "fsync:when=4", "move_mount")) {
            killedAt(step, this::stage);
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
            killedAt(step, this::publishReadOnly);
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
            killedAt(step, () -> expand(wanted));
            expand(wanted);
            assertThat(Files.size(image())).as(step).isEqualTo(wanted);
            assertThat(Linux.statfs(folder.resolve("staging")).totalBytes())
                    .as(step)
                    .isGreaterThan(wanted * 3 / 4);
        }
        unstage();
    }

    /// Calls while strace kills the driver at `step`, and starts the next driver.
    private void killedAt(String step, Runnable call) throws Exception {
        var name = step.split(":")[0];
        var when = step.contains(":") ? step : step + ":when=1";
        var log = folder.resolve("strace.log");
        var strace =
                new ProcessBuilder(
                                "strace",
                                "-f",
                                "-o",
                                "/dev/null",
                                "-e",
                                "trace=" + name,
                                "--inject=" + when.replace(":when", ":signal=KILL:when"),
                                "-p",
                                String.valueOf(driver.pid()))
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start();
        try {
            Polling.await(
                    "strace is attached",
                    PATIENCE,
                    () -> Files.readString(log).contains("attached with"));
            try {
                call.run();
                throw new AssertionError("no " + step + " came");
            } catch (StatusRuntimeException e) {
                assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
            }
            assertThat(driver.awaitEnd(30)).isTrue();
        } finally {
            strace.destroy();
            strace.waitFor();
        }
        end();
        start();
    }

    private void deleteAndCreate() throws Exception {
        var request = DeleteVolumeRequest.newBuilder().setVolumeId(id).build();
        var _ = client.controller().deleteVolume(request);
        end();
        create();
    }

    private void stage() {
        var _ =
                client.node()
                        .nodeStageVolume(
                                NodeStageVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setStagingTargetPath(path("staging"))
                                        .setVolumeCapability(TestDriver.mount(SINGLE_NODE_WRITER))
                                        .build());
    }

    private void unstage() {
        var _ =
                client.node()
                        .nodeUnstageVolume(
                                NodeUnstageVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setStagingTargetPath(path("staging"))
                                        .build());
    }

    private void publishReadOnly() {
        var _ =
                client.node()
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
                client.node()
                        .nodeUnpublishVolume(
                                NodeUnpublishVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setTargetPath(path("target"))
                                        .build());
    }

    private void expand(long bytes) {
        var _ =
                client.node()
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
        return Files.readAllLines(Path.of("/proc/self/mountinfo")).stream()
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
