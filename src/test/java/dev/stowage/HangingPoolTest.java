package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.ControllerGetVolumeHealthRequest;
import csi.v1.CreateVolumeRequest;
import csi.v1.GetCapacityRequest;
import csi.v1.ListSnapshotsRequest;
import csi.v1.ListVolumesRequest;
import csi.v1.ListVolumesResponse;
import csi.v1.NodeGetInfoRequest;
import csi.v1.ProbeRequest;
import dev.stowage.client.CsiClient;
import dev.stowage.linux.Command;
import dev.stowage.testing.FuseDisk;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.ServeProcess;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import dev.stowage.testing.TestSnapshots;
import io.grpc.Status;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Failure case 83: of two pools, `slow` lies behind a program that is stopped, so every system
/// call there waits. All others answer, and `slow` works as soon as its disk does.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class HangingPoolTest {
    private static final String YAML =
            """
            attach: true
            pools:
              good: {type: file, path: %1$s/good, shared: true}
              slow: {type: file, path: %1$s/disk/slow, shared: true}
            """;

    /// Longer than any bound of the driver that is tried here: whoever waits longer hangs.
    private static final int PATIENCE_SECONDS = 40;

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private FuseDisk disk;

    @SuppressWarnings("NullAway.Init")
    private TestDriver driver;

    @SuppressWarnings("NullAway.Init")
    private TestSnapshots snapshots;

    private String good = "";
    private String slow = "";

    @BeforeEach
    void start() throws Exception {
        disk = FuseDisk.mount(folder, Files.createDirectory(folder.resolve("disk")));
        startDriver();
        good = create("data", "good");
        slow = create("data", "slow");
        var _ = snapshots.createReady("before", slow);
    }

    private void startDriver() throws Exception {
        driver = TestDriver.start(folder, TestDriver.NODE, YAML.formatted(folder));
        snapshots = new TestSnapshots(driver::controller);
    }

    @AfterEach
    void end() throws Exception {
        disk.goOn();
        driver.close();
        disk.close();
    }

    private String create(String name, String pool) {
        return driver.controller()
                .withDeadlineAfter(PATIENCE_SECONDS, TimeUnit.SECONDS)
                .createVolume(request(name, pool))
                .getVolume()
                .getVolumeId();
    }

    private static CreateVolumeRequest request(String name, String pool) {
        return TestDriver.createRequest(name).toBuilder().putParameters("pool", pool).build();
    }

    /// Nothing that a call may need is remembered by the kernel any more.
    private void hang() throws Exception {
        Command.run(
                List.of("sh", "-c", "echo 3 > /proc/sys/vm/drop_caches"), Duration.ofMinutes(1));
        disk.hang();
    }

    @Test
    @DisplayName(
            "83: while a pool's disk hangs all other calls are answered, and it needs no restart")
    void aPoolThatHangsHangsAlone() throws Exception {
        hang();
        assertThatTheOthersAnswer("while it hangs");
        disk.goOn();
        assertThatSlowWorks();
    }

    @Test
    @DisplayName(
            "83: a pool that hangs while it is opened keeps nobody waiting but its own callers")
    void aPoolThatHangsWhenItIsOpenedHangsAlone() throws Exception {
        driver.close();
        hang();
        startDriver();
        assertThatTheOthersAnswer("hanging at its opening");
        disk.goOn();
        assertThatSlowWorks();
    }

    @Test
    @DisplayName(
            "83: as many calls as there are threads wait for a hanging pool, and others do not")
    void manyCallsOfAHangingPoolLeaveThreadsForTheOthers() throws Exception {
        hang();
        try (var callers = Executors.newFixedThreadPool(100)) {
            var calls = new ArrayList<Future<Status>>();
            for (var i = 0; i < 100; i++) {
                var name = "many-" + i;
                calls.add(callers.submit(() -> TestDriver.refusal(() -> create(name, "slow"))));
            }
            for (var call : calls) {
                var status = call.get();
                assertThat(status.getCode())
                        .as(status.toString())
                        .isIn(Status.Code.UNAVAILABLE, Status.Code.DEADLINE_EXCEEDED);
                assertThat(status.getDescription()).contains("pool slow", "has not answered for");
            }
        }
        assertThatTheOthersAnswer("with a hundred calls");
        disk.goOn();
        assertThatSlowWorks();
    }

    @Test
    @DisplayName("83: a driver whose pool hangs ends when it is told to")
    void aDriverWhosePoolHangsEndsWhenItIsToldTo() throws Exception {
        driver.close();
        try (var process = ServeProcess.start(folder, "n2", YAML.formatted(folder));
                var client = new CsiClient(process.socket());
                var callers = Executors.newFixedThreadPool(2)) {
            var limit = Duration.ofSeconds(PATIENCE_SECONDS);
            Polling.await("the socket", limit, () -> Files.exists(process.socket()));
            Polling.await("the driver is ready", limit, () -> process.ready(client));
            hang();
            for (var name : List.of("a", "b")) {
                var request = request(name, "slow");
                var _ =
                        callers.submit(
                                () ->
                                        TestDriver.refusal(
                                                () -> client.controller().createVolume(request)));
            }
            Polling.await(
                    "the calls hang",
                    limit,
                    () ->
                            client.controller()
                                            .getCapacity(capacityRequest("slow"))
                                            .getAvailableCapacity()
                                    == 0);
            process.terminate();
            assertThat(process.awaitEnd(PATIENCE_SECONDS)).isTrue();
            disk.goOn();
        }
        startDriver();
    }

    private void assertThatTheOthersAnswer(String when) throws Exception {
        within("Probe", () -> driver.identity().probe(ProbeRequest.getDefaultInstance()));
        var info =
                within(
                        "NodeGetInfo",
                        () -> driver.node().nodeGetInfo(NodeGetInfoRequest.getDefaultInstance()));
        assertThat(info.getAccessibleTopology().getSegmentsMap()).isNotEmpty();
        assertThat(volumes(within("ListVolumes", this::list))).contains(good).doesNotContain(slow);
        var listed =
                within(
                        "ListSnapshots",
                        () ->
                                driver.controller()
                                        .listSnapshots(ListSnapshotsRequest.getDefaultInstance()));
        assertThat(listed.getEntriesList())
                .noneMatch(e -> e.getSnapshot().getSourceVolumeId().equals(slow));
        var snapshot = within("CreateSnapshot", () -> snapshots.create("snapshot " + when, good));
        assertThat(snapshot.getSourceVolumeId()).isEqualTo(good);
        assertThat(within("GetCapacity", () -> capacity("good"))).isPositive();
        assertThat(within("GetCapacity", () -> capacity("slow"))).isZero();
        var health =
                within(
                        "ControllerGetVolumeHealth",
                        () ->
                                driver.controller()
                                        .controllerGetVolumeHealth(
                                                ControllerGetVolumeHealthRequest.newBuilder()
                                                        .setVolumeId(slow)
                                                        .build()));
        assertThat(health.toString()).contains("pool slow", "has not answered for");
        var made = within("CreateVolume", () -> create("volume " + when, "good"));
        var _ =
                within(
                        "DeleteVolume",
                        () -> {
                            driver.delete(made);
                            return made;
                        });
    }

    private void assertThatSlowWorks() throws Exception {
        Polling.await(
                "the pool works again",
                Duration.ofSeconds(60),
                () -> volumes(list()).containsAll(List.of(good, slow)));
        assertThat(create("data", "slow")).isEqualTo(slow);
        var made = create("many-1", "slow");
        driver.delete(made);
        assertThat(volumes(list())).contains(slow).doesNotContain(made);
        assertThat(snapshots.createReady("after", slow).getSourceVolumeId()).isEqualTo(slow);
    }

    /// In far less time than a call may take that hangs.
    private <T> T within(String what, Callable<T> call) throws Exception {
        try (var thread = Executors.newSingleThreadExecutor()) {
            return thread.submit(call).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new AssertionError(what + " hangs", e);
        }
    }

    private ListVolumesResponse list() {
        return driver.controller().listVolumes(ListVolumesRequest.getDefaultInstance());
    }

    private static List<String> volumes(ListVolumesResponse listed) {
        Function<ListVolumesResponse.Entry, String> id = entry -> entry.getVolume().getVolumeId();
        return listed.getEntriesList().stream().map(id).toList();
    }

    private long capacity(String pool) {
        return driver.controller().getCapacity(capacityRequest(pool)).getAvailableCapacity();
    }

    private static GetCapacityRequest capacityRequest(String pool) {
        return GetCapacityRequest.newBuilder().putParameters("pool", pool).build();
    }
}
