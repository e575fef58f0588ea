package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static dev.stowage.testing.TestDriver.MIB;
import static dev.stowage.testing.TestDriver.refusal;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.ControllerPublishVolumeRequest;
import csi.v1.ListSnapshotsRequest;
import csi.v1.NodeGetVolumeStatsRequest;
import csi.v1.NodeStageVolumeRequest;
import csi.v1.NodeUnstageVolumeRequest;
import csi.v1.Snapshot;
import csi.v1.VolumeCapability;
import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Linux;
import dev.stowage.testing.KillableDriver;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.Strace;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import dev.stowage.testing.TestSnapshots;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Snapshots of volumes in use on a disk that can't share blocks, whose class lets them be frozen.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
final class FrozenSnapshotTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final String NODE = "n1";

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private LoopFileSystem disk;

    @SuppressWarnings("NullAway.Init")
    private KillableDriver driver;

    @SuppressWarnings("NullAway.Init")
    private TestSnapshots snapshots;

    @SuppressWarnings("NullAway.Init")
    private String volume;

    private final byte[] content = new byte[(int) (6 * MIB)];

    @BeforeEach
    void start() throws Exception {
        new Random(1).nextBytes(content);
        disk = LoopFileSystem.make(folder, "disk", LoopFileSystem.Kind.EXT4, 640 * MIB);
        driver =
                new KillableDriver(
                        folder,
                        NODE,
                        "attach: true\npools: {hdd: {type: file, path: %s/pool, shared: true}}\n"
                                .formatted(disk.mountPoint()));
        snapshots = new TestSnapshots(() -> driver.client().controller());
        volume = create("v");
        stage(volume, TestDriver.mount(SINGLE_NODE_WRITER));
        Files.write(staging(volume).resolve("file"), content);
    }

    @AfterEach
    void end() throws Exception {
        Linux.thaw(staging(volume)); // where a test failed
        unstage(volume);
        driver.close();
        disk.close();
    }

    private String create(String name) {
        return snapshots.make(TestDriver.createRequest(name).toBuilder()).getVolumeId();
    }

    private Path staging(String id) {
        return folder.resolve("staging-" + id.substring(id.length() - 8));
    }

    private void stage(String id, VolumeCapability use) {
        var request =
                ControllerPublishVolumeRequest.newBuilder()
                        .setVolumeId(id)
                        .setNodeId(NODE)
                        .setVolumeCapability(use)
                        .build();
        var context = driver.client().controller().controllerPublishVolume(request);
        var _ =
                driver.client()
                        .node()
                        .nodeStageVolume(
                                NodeStageVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .putAllPublishContext(context.getPublishContextMap())
                                        .setStagingTargetPath(staging(id).toString())
                                        .setVolumeCapability(use)
                                        .build());
    }

    private boolean unstage(String id) {
        var request =
                NodeUnstageVolumeRequest.newBuilder()
                        .setVolumeId(id)
                        .setStagingTargetPath(staging(id).toString())
                        .build();
        var _ = driver.client().node().nodeUnstageVolume(request);
        return true;
    }

    private Snapshot take(String name, String id, int seconds) {
        return snapshots.create(name, id, Map.of("freezeSeconds", String.valueOf(seconds)));
    }

    /// A strace that slows the driver's copies down, so that there is time to see the freeze.
    private Strace slow(int millis) throws Exception {
        return Strace.of(
                driver.pid(),
                folder,
                "pwrite64,ioctl",
                "--inject=pwrite64:delay_exit=%d000".formatted(millis));
    }

    /// Where other threads' calls come in between, strace tells the result in a line of its own.
    private static long freezes(Strace strace) throws IOException {
        return strace.seen().filter(line -> line.contains("FIFREEZE")).count();
    }

    private boolean frozen() throws ErrnoException {
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

    private void assertRefused(Status.Code code, Status refused, String... words) {
        assertThat(refused.getCode()).as(refused.toString()).isEqualTo(code);
        assertThat(refused.getDescription()).contains(words);
    }

    private void assertNothingIsLeft() throws IOException {
        assertThat(snapshots.listed(ListSnapshotsRequest.newBuilder())).isEmpty();
        for (var name : new String[] {"snapshots", ".incoming"}) {
            try (var entries = Files.list(disk.mountPoint().resolve("pool").resolve(name))) {
                assertThat(entries).as(name).isEmpty();
            }
        }
        assertThat(frozen()).isFalse();
        Files.writeString(staging(volume).resolve("more"), "written");
    }

    @Test
    void withoutLeaveItIsRefusedSayingWhatWouldAllowIt() throws Exception {
        var refused = refusal(() -> snapshots.create("s", volume));
        assertRefused(Status.Code.FAILED_PRECONDITION, refused, "freezeSeconds: 1 to 60");
    }

    @Test
    void aRepeatFindsTheSameSnapshotWhateverItsParameters() {
        var made = take("s", volume, 30);
        assertThat(made.getReadyToUse()).isTrue();
        assertThat(take("s", volume, 30)).isEqualTo(made);
        assertThat(take("s", volume, 60)).isEqualTo(made);
        assertThat(snapshots.create("s", volume)).isEqualTo(made);
    }

    @Test
    void aRawBlockDeviceCantBeFrozen() throws Exception {
        var raw = create("raw");
        var use =
                VolumeCapability.newBuilder()
                        .setBlock(VolumeCapability.BlockVolume.getDefaultInstance())
                        .setAccessMode(
                                VolumeCapability.AccessMode.newBuilder()
                                        .setMode(SINGLE_NODE_WRITER))
                        .build();
        stage(raw, use);
        try {
            var refused = refusal(() -> take("s", raw, 30));
            assertRefused(Status.Code.FAILED_PRECONDITION, refused, "raw block device");
        } finally {
            unstage(raw);
        }
        assertNothingIsLeft();
    }

    @Test
    void meanwhileTheVolumesOwnCallsWaitAndOthersDoNot() throws Exception {
        var other = create("other");
        stage(other, TestDriver.mount(SINGLE_NODE_WRITER));
        try (var strace = slow(400);
                var threads = Executors.newSingleThreadExecutor()) {
            var taken = threads.submit(() -> take("s", volume, 60));
            Polling.await("frozen", PATIENCE, () -> freezes(strace) == 1);
            var stats =
                    NodeGetVolumeStatsRequest.newBuilder()
                            .setVolumeId(volume)
                            .setVolumePath(staging(volume).toString())
                            .build();
            assertThat(driver.client().node().nodeGetVolumeStats(stats).getUsageCount())
                    .isEqualTo(2);
            assertRefused(
                    Status.Code.ABORTED, refusal(() -> unstage(volume)), "CreateSnapshot runs");
            unstage(other);
            assertThat(taken.isDone()).isFalse();
            assertThat(taken.get().getReadyToUse()).isTrue();
        }
        assertThat(frozen()).isFalse();
    }

    @Test
    @DisplayName("67: a volume that its user has frozen is copied as it is, and stays frozen")
    void aVolumeThatItsUserHasFrozenStaysFrozen() throws Exception {
        Linux.freeze(staging(volume));
        try (var strace = slow(0)) {
            assertThat(take("s", volume, 30).getReadyToUse()).isTrue();
            assertThat(freezes(strace)).isZero();
        }
        assertThat(frozen()).isTrue();
    }

    @Test
    @DisplayName("67: thawed, written and frozen again meanwhile, the copy is void")
    void aVolumeThatItsUserThawsMeanwhileIsNotCopied() throws Exception {
        Linux.freeze(staging(volume));
        try (var strace = slow(300);
                var threads = Executors.newSingleThreadExecutor()) {
            var taken = threads.submit(() -> refusal(() -> take("s", volume, 60)));
            Polling.await(
                    "copying",
                    PATIENCE,
                    () -> strace.seen().anyMatch(line -> line.contains("pwrite64")));
            Linux.thaw(staging(volume));
            Files.writeString(staging(volume).resolve("more"), "written");
            Linux.freeze(staging(volume));
            assertRefused(Status.Code.FAILED_PRECONDITION, taken.get(), "thawed by somebody else");
        }
        assertThat(frozen()).isTrue();
        Linux.thaw(staging(volume));
        assertNothingIsLeft();
    }

    @Test
    void whatTakesLongerThanAllowedIsGivenUpAndNotTriedAgain() throws Exception {
        try (var strace = slow(500)) {
            var refused = refusal(() -> take("s", volume, 1));
            assertRefused(
                    Status.Code.FAILED_PRECONDITION,
                    refused,
                    volume,
                    "1 s at most",
                    "MB/s",
                    "freezeSeconds of up to 60");
            assertNothingIsLeft();
            assertThat(refusal(() -> take("s", volume, 1)).getDescription())
                    .isEqualTo(refused.getDescription());
            assertThat(freezes(strace)).isEqualTo(1);
        }
        assertThat(take("again", volume, 30).getReadyToUse()).isTrue();
    }

    @Test
    @DisplayName("47: a driver that is killed in a frozen copy leaves nothing frozen or half-made")
    void aCopyThatIsKilledIsThawedAndSwept() throws Exception {
        // the first write is the note of the freeze
        for (var step : new String[] {"pwrite64:when=2", "pwrite64:when=5", "renameat2:when=1"}) {
            driver.killedAt(
                    step,
                    () -> take("s", volume, 60),
                    before -> {
                        assertThat(before.stream().anyMatch(call -> call.contains("FIFREEZE")))
                                .as(step)
                                .isTrue();
                        assertThat(before.stream().anyMatch(call -> call.contains("FITHAW")))
                                .as(step + " came after the thaw")
                                .isEqualTo(step.startsWith("renameat2"));
                        Polling.await(step + ": thawed", PATIENCE, () -> !frozen());
                        Files.writeString(staging(volume).resolve("more"), "written");
                    });
            assertNothingIsLeft();
        }
        assertThat(take("s", volume, 60).getReadyToUse()).isTrue();
        unstage(volume);
        var restored =
                snapshots
                        .make(
                                TestDriver.createRequest("restored").toBuilder()
                                        .setVolumeContentSource(
                                                TestSnapshots.snapshot(
                                                        snapshots
                                                                .create("s", volume)
                                                                .getSnapshotId())))
                        .getVolumeId();
        stage(restored, TestDriver.mount(SINGLE_NODE_WRITER));
        assertThat(staging(restored).resolve("file")).hasBinaryContent(content);
        unstage(restored);
    }
}
