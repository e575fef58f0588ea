package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.ControllerPublishVolumeRequest;
import csi.v1.CreateVolumeGroupSnapshotRequest;
import csi.v1.DeleteVolumeGroupSnapshotRequest;
import csi.v1.ListSnapshotsRequest;
import csi.v1.NodeStageVolumeRequest;
import csi.v1.NodeUnstageVolumeRequest;
import csi.v1.VolumeGroupSnapshot;
import dev.stowage.client.CsiClient;
import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.linux.Mounts;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.ServeProcess;
import dev.stowage.testing.Strace;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// A driver that is killed while it makes a group snapshot of two volumes in use.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
final class KilledGroupTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String NODE = "n1";

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
    private List<String> volumes;

    @BeforeEach
    void begin() throws Exception {
        disk = LoopFileSystem.make(folder, "disk", LoopFileSystem.Kind.XFS, 640L << 20);
        start();
        volumes = List.of(create("a"), create("b"));
        volumes.forEach(this::stage);
    }

    private void start(String... options) throws Exception {
        driver =
                ServeProcess.start(
                        folder,
                        NODE,
                        "attach: true\npools: {ssd: {type: file, path: %s/pool, shared: true}}\n"
                                .formatted(disk.mountPoint()),
                        options);
        driver.awaitReady();
        client = new CsiClient(driver.socket());
    }

    @AfterEach
    void end() throws Exception {
        try {
            for (var volume : volumes) {
                Linux.thaw(staging(volume)); // where a test failed
                unstage(volume);
            }
        } finally {
            client.close();
            driver.close();
            disk.close();
        }
    }

    private String create(String name) {
        return client.controller()
                .createVolume(TestDriver.createRequest(name))
                .getVolume()
                .getVolumeId();
    }

    private Path staging(String volume) {
        return folder.resolve("staging-" + volumes.indexOf(volume));
    }

    private void stage(String volume) {
        var use = TestDriver.mount(SINGLE_NODE_WRITER);
        var context =
                client.controller()
                        .controllerPublishVolume(
                                ControllerPublishVolumeRequest.newBuilder()
                                        .setVolumeId(volume)
                                        .setNodeId(NODE)
                                        .setVolumeCapability(use)
                                        .build())
                        .getPublishContextMap();
        var _ =
                client.node()
                        .nodeStageVolume(
                                NodeStageVolumeRequest.newBuilder()
                                        .setVolumeId(volume)
                                        .putAllPublishContext(context)
                                        .setStagingTargetPath(staging(volume).toString())
                                        .setVolumeCapability(use)
                                        .build());
    }

    private void unstage(String volume) {
        var _ =
                client.node()
                        .nodeUnstageVolume(
                                NodeUnstageVolumeRequest.newBuilder()
                                        .setVolumeId(volume)
                                        .setStagingTargetPath(staging(volume).toString())
                                        .build());
    }

    private VolumeGroupSnapshot group() {
        return client.groups()
                .createVolumeGroupSnapshot(
                        CreateVolumeGroupSnapshotRequest.newBuilder()
                                .setName("g")
                                .addAllSourceVolumeIds(volumes)
                                .build())
                .getGroupSnapshot();
    }

    private int snapshots() {
        return client.controller()
                .listSnapshots(ListSnapshotsRequest.getDefaultInstance())
                .getEntriesCount();
    }

    private void delete(VolumeGroupSnapshot group) {
        var _ =
                client.groups()
                        .deleteVolumeGroupSnapshot(
                                DeleteVolumeGroupSnapshotRequest.newBuilder()
                                        .setGroupSnapshotId(group.getGroupSnapshotId())
                                        .build());
    }

    private boolean frozen(String volume) throws ErrnoException {
        try {
            Linux.freeze(staging(volume));
            Linux.thaw(staging(volume));
            return false;
        } catch (ErrnoException e) {
            if (e.is(Errno.EBUSY)) {
                return true;
            }
            throw e;
        }
    }

    /// Runs the call with strace at the driver, which it kills at `step`, and starts the next.
    private void killedAt(String step, Runnable call) throws Exception {
        var name = step.split(":")[0];
        try (var _ = strace(name, "--inject=" + step.replace(":when", ":signal=KILL:when"))) {
            assertKilled(call);
        }
        restart();
    }

    private Strace strace(String call, String inject) throws Exception {
        return Strace.of(driver.pid(), folder, call, inject);
    }

    private void assertKilled(Runnable call) throws Exception {
        try {
            call.run();
            throw new AssertionError("the driver was not killed");
        } catch (StatusRuntimeException e) {
            assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        }
        assertThat(driver.awaitEnd(30)).isTrue();
    }

    private void restart() throws Exception {
        client.close();
        driver.close();
        start();
    }

    @Test
    @DisplayName("47: a driver that is killed within a freeze leaves nothing frozen")
    void aFreezeThatIsKilledIsThawedByTheWatchdog() throws Exception {
        killedWhileFrozen(false);
        for (var volume : volumes) {
            Polling.await("thawed", PATIENCE, () -> !frozen(volume));
            Files.writeString(staging(volume).resolve("file"), "written");
        }
        start();
        assertThat(snapshots()).isZero();
        assertThat(group().getSnapshotsCount()).isEqualTo(2);
    }

    private void killedWhileFrozen(boolean watchdogToo) throws Exception {
        // Each ioctl takes a while longer, so that there is time to see it and to kill within.
        try (var strace = strace("ioctl", "--inject=ioctl:delay_exit=300000")) {
            var killer =
                    Thread.ofPlatform()
                            .start(
                                    () -> {
                                        try {
                                            Polling.await(
                                                    "frozen", PATIENCE, () -> bothFrozen(strace));
                                            if (watchdogToo) {
                                                killWatchdog();
                                            }
                                            driver.kill();
                                        } catch (Exception e) {
                                            throw new AssertionError(e);
                                        }
                                    });
            try {
                assertKilled(this::group);
            } finally {
                killer.join();
            }
        }
        client.close();
    }

    /// Its shell first, which would thaw when its programs end.
    private void killWatchdog() {
        var others = driver.children().toList();
        ProcessHandle.of(driver.pid()).stream()
                .flatMap(ProcessHandle::children)
                .forEach(ProcessHandle::destroyForcibly);
        others.forEach(ProcessHandle::destroyForcibly);
    }

    /// Where other threads' calls come in between, strace tells the result in a line of its own.
    private static boolean bothFrozen(Strace strace) throws IOException {
        return strace.seen().filter(line -> line.contains("FIFREEZE")).count() == 2;
    }

    @Test
    @DisplayName("47: what was frozen when the machine's watchdog died too is thawed at start")
    void theNextDriverThawsWhatIsFrozen() throws Exception {
        killedWhileFrozen(true);
        for (var volume : volumes) {
            assertThat(frozen(volume)).isTrue();
        }
        var unmounted = volumes.getLast();
        var device = Path.of(Files.getFileStore(staging(unmounted)).name());
        Mounts.unmount(staging(unmounted));
        assertThat(held(device)).isTrue();
        start();
        assertThat(frozen(volumes.getFirst())).isFalse();
        assertThat(held(device)).isFalse();
        assertThat(notes()).isEmpty();
    }

    private List<Path> notes() throws IOException {
        try (var notes = Files.list(folder.resolve("state-" + NODE).resolve("freezes"))) {
            return notes.toList();
        }
    }

    @Test
    @DisplayName("67: what its user has frozen is not thawed by the next driver")
    void whatSomebodyElseFrozeStaysFrozen() throws Exception {
        assertThat(group().getSnapshotsCount()).isEqualTo(2);
        Linux.freeze(staging(volumes.getFirst()));
        driver.kill();
        restart();
        assertThat(frozen(volumes.getFirst())).isTrue();
        assertThat(frozen(volumes.getLast())).isFalse();
    }

    @Test
    @DisplayName("67: what somebody freezes after the watchdog has thawed it is left alone too")
    void whatTheWatchdogHasThawedIsForgotten() throws Exception {
        killedWhileFrozen(false);
        Polling.await("thawed and forgotten", PATIENCE, () -> notes().isEmpty());
        Linux.freeze(staging(volumes.getFirst()));
        start();
        assertThat(frozen(volumes.getFirst())).isTrue();
    }

    @Test
    @DisplayName("67: a group with a volume that its user has frozen, which stays so")
    void aMemberThatItsUserHasFrozenIsCutAsItIs() throws Exception {
        Files.writeString(staging(volumes.getFirst()).resolve("file"), "before");
        Linux.freeze(staging(volumes.getFirst()));
        assertThat(group().getSnapshotsCount()).isEqualTo(2);
        assertThat(frozen(volumes.getFirst())).isTrue();
        assertThat(frozen(volumes.getLast())).isFalse();
        assertThat(notes()).isEmpty();
    }

    /// Whether a file system has the device: unmounted ones do while they are frozen.
    private static boolean held(Path device) throws ErrnoException {
        try (var _ = Fd.open(device, OpenFlags.O_RDONLY | OpenFlags.O_EXCL)) {
            return false;
        } catch (ErrnoException e) {
            if (e.is(Errno.EBUSY)) {
                return true;
            }
            throw e;
        }
    }

    /// As the drivers of both modes are in one cluster.
    @Test
    void anotherDriverOfTheNodeThawsNothing() throws Exception {
        killedWhileFrozen(true);
        try (var _ = TestDriver.local(Files.createDirectory(folder.resolve("other")), NODE)) {
            for (var volume : volumes) {
                assertThat(frozen(volume)).isTrue();
            }
        }
        start();
    }

    @Test
    @DisplayName("47: so is it by a controller that sees the node's mounts")
    void theNextControllerThawsWhatIsFrozen() throws Exception {
        killedWhileFrozen(true);
        start("--role=controller", "--kubelet-dir=" + folder);
        for (var volume : volumes) {
            assertThat(frozen(volume)).isFalse();
        }
        restart();
    }

    @Test
    @DisplayName("47: a group that is killed anywhere is there whole or not at all")
    void aGroupThatIsKilledIsWholeOrNotThere() throws Exception {
        var left = new LinkedHashMap<String, Integer>();
        left.put("mkdirat:when=2", 0);
        left.put("fsync:when=1", 0); // the note of the freeze
        left.put("fsync:when=8", 0);
        left.put("renameat2:when=1", 0);
        left.put("renameat2:when=2", 0);
        left.put("link:when=1", 0);
        left.put("unlink:when=1", 0); // of the note
        left.put("unlink:when=2", 2); // of the name that the record had before its link
        for (var step : left.keySet()) {
            killedAt(step, this::group);
            assertThat(snapshots()).as(step).isEqualTo(left.get(step));
            var made = group();
            assertThat(made.getSnapshotsCount()).as(step).isEqualTo(2);
            assertThat(snapshots()).as(step).isEqualTo(2);
            delete(made);
            assertThat(snapshots()).as(step).isZero();
        }
        assertThat(folders("snapshots")).isZero();
        assertThat(folders(".incoming")).isZero();
    }

    @Test
    @DisplayName("47: a delete of a group that is killed leaves it whole or takes all of it")
    void aDeleteThatIsKilledLeavesNoHalfGroup() throws Exception {
        for (var step : List.of("unlink:when=1", "renameat2:when=1", "renameat2:when=2")) {
            var made = group();
            killedAt(step, () -> delete(made));
            assertThat(snapshots()).as(step).isIn(0, 2);
            delete(made);
            assertThat(snapshots()).as(step).isZero();
        }
        restart();
        assertThat(folders("snapshots")).isZero();
    }

    private long folders(String name) throws Exception {
        try (var entries = Files.list(disk.mountPoint().resolve("pool").resolve(name))) {
            return entries.count();
        }
    }
}
