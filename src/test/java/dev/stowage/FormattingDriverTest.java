package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.CapacityRange;
import csi.v1.NodeStageVolumeRequest;
import csi.v1.NodeUnstageVolumeRequest;
import dev.stowage.client.CsiClient;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.ServeProcess;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// A whole driver whose mkfs is stopped half-way, by SIGSTOP: that of a volume so large that it
/// can be met at work.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class FormattingDriverTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir(factory = TestFolder.class)
    private Path folder;

    private final ExecutorService callers = Executors.newCachedThreadPool();

    @SuppressWarnings("NullAway.Init")
    private ServeProcess driver;

    @SuppressWarnings("NullAway.Init")
    private CsiClient client;

    private void start() throws Exception {
        driver =
                ServeProcess.start(
                        folder,
                        "driver",
                        "attach: false\npools: {ssd: {type: file, path: %s/ssd, overcommit: 100000}}\n"
                                .formatted(folder));
        driver.awaitReady();
        client = new CsiClient(driver.socket());
    }

    @AfterEach
    void end() throws Exception {
        client.close();
        driver.close();
        callers.close();
    }

    /// Failure case 5.
    @Test
    void aRetryWhileMkfsRunsStartsNoSecondOne() throws Exception {
        start();
        var id = create();
        var first = callers.submit(() -> stage(id));
        var mkfs = stopped();
        var retry = callers.submit(() -> stage(id));
        var other = unstage(id);
        assertThat(other.getCode()).isEqualTo(Status.Code.ABORTED);
        assertThat(other.getDescription()).contains("NodeStageVolume runs since");
        assertThat(mkfs()).hasSize(1);
        signal("CONT", mkfs);
        assertThat(first.get().getCode()).isEqualTo(Status.Code.OK);
        assertThat(retry.get().getCode()).isEqualTo(Status.Code.OK);
        assertThat(unstage(id).getCode()).isEqualTo(Status.Code.OK);
    }

    /// Failure cases 4 and 5: the mkfs dies with its driver, and the next one begins anew.
    @Test
    void aDriverThatIsKilledInMkfsTakesItAlongAndTheNextOneFormats() throws Exception {
        start();
        var id = create();
        Future<Status> lost = callers.submit(() -> stage(id));
        var mkfs = stopped();
        driver.kill();
        assertThat(lost.get().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        Polling.await("mkfs is dead", PATIENCE, () -> !mkfs.isAlive());
        client.close();
        start();
        assertThat(stage(id).getCode()).isEqualTo(Status.Code.OK);
        assertThat(unstage(id).getCode()).isEqualTo(Status.Code.OK);
    }

    /// Failure case 5: a stand-in for an mkfs that has outlived its driver, as one in the middle
    /// of a write to a disk that hangs does.
    @Test
    void anMkfsThatOutlivedItsDriverIsWaitedFor() throws Exception {
        start();
        var id = create();
        Future<Status> lost = callers.submit(() -> stage(id));
        stopped();
        var device = loopOf(id);
        var survivor = new ProcessBuilder("sleep", "600").redirectInput(device.toFile()).start();
        try {
            driver.kill();
            assertThat(lost.get().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
            client.close();
            start();
            var refused = stage(id);
            assertThat(refused.getCode()).isEqualTo(Status.Code.ABORTED);
            assertThat(refused.getDescription())
                    .contains("is being formatted")
                    .contains(String.valueOf(survivor.pid()));
        } finally {
            survivor.destroyForcibly().waitFor();
        }
        assertThat(stage(id).getCode()).isEqualTo(Status.Code.OK);
        assertThat(unstage(id).getCode()).isEqualTo(Status.Code.OK);
    }

    /// Failure case 53.
    @Test
    void aTerminatedDriverLetsItsMkfsFinish() throws Exception {
        start();
        var id = create();
        var answer = callers.submit(() -> stage(id));
        var mkfs = stopped();
        driver.terminate();
        Polling.await("no new calls", PATIENCE, () -> !Files.exists(driver.socket()));
        signal("CONT", mkfs);
        assertThat(answer.get().getCode()).isEqualTo(Status.Code.OK);
        assertThat(driver.awaitEnd(30)).isTrue();
        client.close();
        start();
        assertThat(unstage(id).getCode()).isEqualTo(Status.Code.OK);
    }

    /// Failure case 53: Kubernetes kills what has not ended 30 s after SIGTERM.
    @Test
    void aTerminatedDriverDoesNotWaitForAnMkfsThatHangs() throws Exception {
        start();
        var id = create();
        var answer = callers.submit(() -> stage(id));
        var mkfs = stopped();
        driver.terminate();
        assertThat(driver.awaitEnd(30)).isTrue();
        assertThat(answer.get().isOk()).isFalse();
        Polling.await("mkfs is dead", PATIENCE, () -> !mkfs.isAlive());
        client.close();
        start();
        assertThat(stage(id).getCode()).isEqualTo(Status.Code.OK);
        assertThat(unstage(id).getCode()).isEqualTo(Status.Code.OK);
    }

    private String create() {
        var request =
                TestDriver.createRequest("large").toBuilder()
                        .setCapacityRange(CapacityRange.newBuilder().setRequiredBytes(4L << 40))
                        .putParameters("provisioning", "thin")
                        .build();
        return client.controller().createVolume(request).getVolume().getVolumeId();
    }

    private Status stage(String id) throws IOException {
        return status(
                () ->
                        client.node()
                                .nodeStageVolume(
                                        NodeStageVolumeRequest.newBuilder()
                                                .setVolumeId(id)
                                                .setStagingTargetPath(staging())
                                                .setVolumeCapability(
                                                        TestDriver.mount(SINGLE_NODE_WRITER))
                                                .build()));
    }

    private Status unstage(String id) {
        return status(
                () ->
                        client.node()
                                .nodeUnstageVolume(
                                        NodeUnstageVolumeRequest.newBuilder()
                                                .setVolumeId(id)
                                                .setStagingTargetPath(staging())
                                                .build()));
    }

    private String staging() {
        return folder.resolve("staging").toString();
    }

    private static Status status(Runnable call) {
        try {
            call.run();
            return Status.OK;
        } catch (StatusRuntimeException e) {
            return e.getStatus();
        }
    }

    /// The driver's mkfs, met at work and stopped.
    private ProcessHandle stopped() throws Exception {
        var end = System.nanoTime() + PATIENCE.toNanos();
        while (mkfs().isEmpty()) {
            assertThat(System.nanoTime()).as("mkfs was seen").isLessThan(end);
            Thread.onSpinWait();
        }
        var mkfs = mkfs().getFirst();
        signal("STOP", mkfs);
        Polling.await("mkfs has stopped", PATIENCE, () -> isStopped(mkfs));
        return mkfs;
    }

    private List<ProcessHandle> mkfs() {
        return driver.children()
                .filter(child -> child.info().command().orElse("").contains("mk"))
                .filter(
                        child ->
                                List.of(child.info().arguments().orElse(new String[0]))
                                        .contains("-q"))
                .toList();
    }

    private static boolean isStopped(ProcessHandle process) throws IOException {
        var stat = Files.readString(Path.of("/proc/%d/stat".formatted(process.pid())));
        return stat.substring(stat.lastIndexOf(')')).startsWith(") T");
    }

    private static void signal(String name, ProcessHandle process) throws Exception {
        var kill = new ProcessBuilder("kill", "-" + name, String.valueOf(process.pid())).start();
        assertThat(kill.waitFor(10, TimeUnit.SECONDS)).isTrue();
    }

    private Path loopOf(String id) throws IOException {
        try (var devices = Files.newDirectoryStream(Path.of("/sys/block"), "loop*")) {
            for (var device : devices) {
                var backing = device.resolve("loop/backing_file");
                if (Files.exists(backing)
                        && Files.readString(backing)
                                .startsWith(folder.resolve("ssd/volumes").resolve(id) + "/")) {
                    return Path.of("/dev").resolve(device.getFileName());
                }
            }
        }
        throw new AssertionError("no loop device of " + id);
    }
}
