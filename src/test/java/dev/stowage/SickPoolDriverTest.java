package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_READER_ONLY;
import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static dev.stowage.testing.TestDriver.MIB;
import static dev.stowage.testing.TestDriver.NODE;
import static dev.stowage.testing.TestDriver.refusal;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.ControllerGetVolumeRequest;
import csi.v1.CreateSnapshotRequest;
import csi.v1.CreateVolumeRequest;
import csi.v1.GetCapacityRequest;
import csi.v1.ListSnapshotsRequest;
import csi.v1.ListVolumesRequest;
import csi.v1.NodeGetStorageHealthRequest;
import dev.stowage.linux.Command;
import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import dev.stowage.testing.VolumeCommandRun;
import io.grpc.Status;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Failure case 70: a pool that dies while it is open is sick alone.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class SickPoolDriverTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    @TempDir(factory = TestFolder.class)
    private Path folder;

    @Test
    @DisplayName(
            "70: of two pools one dies: the other works, and the first works again when it can")
    void aPoolThatDiesIsSickAloneAndWellAgain() throws Exception {
        try (var ssd = disk("ssd", LoopFileSystem.Kind.XFS);
                var hdd = disk("hdd", LoopFileSystem.Kind.XFS);
                var driver = start(ssd, hdd)) {
            var lost = create(driver, "ssd", "lost");
            var kept = create(driver, "hdd", "kept");
            snapshot(driver, "before", lost);
            shutDown(ssd);
            // the first call that meets it may be any of these
            assertThat(snapshot(driver, "of-kept", kept)).startsWith("hdd.");
            assertThat(volumes(driver)).containsExactly(kept);
            assertThat(snapshots(driver)).singleElement().asString().startsWith("hdd.");
            assertUnavailable(driver, () -> create(driver, "ssd", "new"));
            assertUnavailable(driver, () -> snapshot(driver, "of-lost", lost));
            assertUnavailable(driver, () -> delete(driver, lost));
            assertUnavailable(driver, () -> get(driver, lost));
            assertUnavailable(driver, () -> driver.stage(lost, Map.of(), SINGLE_NODE_WRITER));
            assertThat(capacity(driver, "ssd")).isZero();
            assertThat(capacity(driver, "hdd")).isPositive();
            assertThat(health(driver)).containsExactly("PoolUnavailable");
            // the driver keeps nothing open there
            ssd.unmount();
            ssd.mount();
            Polling.await("well again", PATIENCE, () -> volumes(driver).size() == 2);
            assertThat(health(driver)).isEmpty();
            assertThat(capacity(driver, "ssd")).isPositive();
            assertThat(snapshots(driver)).hasSize(2);
            assertThat(create(driver, "ssd", "lost")).isEqualTo(lost);
            driver.stage(lost, Map.of(), SINGLE_NODE_WRITER);
            driver.unstage(lost);
            driver.delete(lost);
        }
    }

    @Test
    @DisplayName("70: a pool whose disk was taken away is unavailable, not empty")
    void aPoolWhoseDiskWasTakenAwayIsNotEmpty() throws Exception {
        try (var ssd = disk("ssd", LoopFileSystem.Kind.EXT4);
                var hdd = disk("hdd", LoopFileSystem.Kind.XFS);
                var driver = start(ssd, hdd)) {
            var lost = create(driver, "ssd", "lost");
            run("umount", "-l", ssd.mountPoint().toString());
            assertUnavailable(driver, () -> delete(driver, lost));
            assertUnavailable(driver, () -> get(driver, lost));
            assertThat(volumes(driver)).isEmpty();
            assertThat(capacity(driver, "ssd")).isZero();
            ssd.mount();
            Polling.await("it is back", PATIENCE, () -> volumes(driver).contains(lost));
            driver.delete(lost);
        }
    }

    @Test
    @DisplayName("70: an error of one volume does not make its pool sick")
    void aDamagedVolumeMakesNoPoolSick() throws Exception {
        try (var ssd = disk("ssd", LoopFileSystem.Kind.XFS);
                var hdd = disk("hdd", LoopFileSystem.Kind.XFS);
                var driver = start(ssd, hdd)) {
            var damaged = create(driver, "ssd", "damaged");
            var whole = create(driver, "ssd", "whole");
            var place = ssd.mountPoint().resolve("ssd/volumes").resolve(damaged);
            Files.writeString(place.resolve("volume.json"), "{");
            Files.delete(place.resolve("image"));
            assertThat(refusal(() -> get(driver, damaged)).getCode())
                    .isEqualTo(Status.Code.INTERNAL);
            assertThat(refusal(() -> driver.stage(damaged, Map.of(), SINGLE_NODE_WRITER)).getCode())
                    .isEqualTo(Status.Code.INTERNAL);
            assertThat(volumes(driver)).containsExactly(whole);
            assertThat(capacity(driver, "ssd")).isPositive();
            assertThat(health(driver)).isEmpty();
        }
    }

    /// btrfs refuses to hand out a block whose checksum is wrong.
    @Test
    @DisplayName("70: a record that the disk can't read is left out of lists, and its pool works")
    void aRecordThatCanNotBeReadMakesNoPoolSick() throws Exception {
        try (var ssd = LoopFileSystem.make(folder, "ssd", LoopFileSystem.Kind.BTRFS, 200 * MIB);
                var hdd = disk("hdd", LoopFileSystem.Kind.XFS);
                var driver = start(ssd, hdd)) {
            run("mount", "-o", "remount,max_inline=0", ssd.mountPoint().toString());
            var damaged = create(driver, "ssd", "NEEDLE-NEEDLE");
            var whole = create(driver, "ssd", "whole");
            run("sync", "-f", ssd.mountPoint().toString());
            spoil("NEEDLE-NEEDLE", ssd.image());
            var place = ssd.mountPoint().resolve("ssd/volumes").resolve(damaged);
            try (var cached = Fd.open(place.resolve("volume.json"), OpenFlags.O_RDONLY)) {
                cached.dropCache();
            }
            var status = refusal(() -> get(driver, damaged));
            assertThat(status.getCode()).isEqualTo(Status.Code.INTERNAL);
            assertThat(status.getDescription()).contains("volume.json", "EIO");
            assertThat(volumes(driver)).containsExactly(whole);
            assertThat(capacity(driver, "ssd")).isPositive();
            assertThat(health(driver)).isEmpty();
        }
    }

    private static void spoil(String needle, Path image) throws IOException {
        var content = Files.readString(image, StandardCharsets.ISO_8859_1);
        var at = content.indexOf(needle);
        assertThat(at).isPositive();
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            for (; at >= 0; at = content.indexOf(needle, at + 1)) {
                file.seek(at);
                file.write(~needle.charAt(0));
            }
        }
    }

    @Test
    @DisplayName("64: a pool on a disk that became read-only serves what only reads")
    void aReadOnlyPoolServesWhatOnlyReads() throws Exception {
        try (var ssd = disk("ssd", LoopFileSystem.Kind.EXT4);
                var hdd = disk("hdd", LoopFileSystem.Kind.XFS)) {
            String used;
            String free;
            try (var driver = start(ssd, hdd)) {
                used = create(driver, "ssd", "used");
                free = create(driver, "ssd", "free");
                driver.stage(free, Map.of(), SINGLE_NODE_WRITER);
                driver.unstage(free);
                driver.stage(used, Map.of(), SINGLE_NODE_WRITER);
                driver.publish(used, Map.of(), "target", SINGLE_NODE_WRITER, false);
                run("mount", "-o", "remount,errors=remount-ro", ssd.mountPoint().toString());
                var device = ssd.device().path().getFileName().toString();
                Files.writeString(Path.of("/sys/fs/ext4", device, "trigger_fs_error"), "a test");
                checkReadOnly(driver, used, free);
            }
            try (var driver = start(ssd, hdd)) { // it opens so, too
                checkReadOnly(driver, used, free);
                driver.unpublish(used, "target");
                driver.unstage(used);
            }
        }
    }

    private void checkReadOnly(TestDriver driver, String used, String free) throws Exception {
        assertThat(volumes(driver)).containsExactlyInAnyOrder(used, free);
        assertThat(health(driver)).contains("PoolReadOnly").doesNotContain("PoolUnavailable");
        assertThat(capacity(driver, "ssd")).isZero();
        var rescued = folder.resolve("rescued");
        assertThat(new VolumeCommandRun(folder).volume("export", free, rescued.toString()).code())
                .isZero();
        assertThat(rescued).hasSize(32 << 20);
        Files.delete(rescued);
        for (var refused :
                List.<Callable<?>>of(
                        () -> create(driver, "ssd", "new"),
                        () -> delete(driver, free),
                        () -> driver.stage(free, Map.of(), SINGLE_NODE_WRITER))) {
            var status = refusal(refused);
            assertThat(status.getCode()).as(status.toString()).isEqualTo(Status.Code.UNAVAILABLE);
            assertThat(status.getDescription()).containsAnyOf("read-only", "restart the driver");
        }
        assertThat(get(driver, used).getVolume().getVolumeId()).isEqualTo(used);
        driver.stage(free, Map.of(), SINGLE_NODE_READER_ONLY);
        driver.unstage(free);
    }

    @Test
    @DisplayName("64: a pool that was read-only at start is writable again without a restart")
    void aPoolThatIsWritableAgainNeedsNoRestart() throws Exception {
        try (var ssd = disk("ssd", LoopFileSystem.Kind.XFS);
                var hdd = disk("hdd", LoopFileSystem.Kind.XFS)) {
            String id;
            try (var driver = start(ssd, hdd)) {
                id = create(driver, "ssd", "data");
            }
            run("mount", "-o", "remount,ro", ssd.mountPoint().toString());
            try (var driver = start(ssd, hdd)) {
                assertThat(volumes(driver)).containsExactly(id);
                assertThat(health(driver)).containsExactly("PoolReadOnly");
                assertUnavailable(driver, () -> delete(driver, id));
                driver.delete(id.substring(0, id.length() - 1) + "0"); // nothing is to be written
                run("mount", "-o", "remount,rw", ssd.mountPoint().toString());
                Polling.await(
                        "it is opened for writing",
                        PATIENCE,
                        () -> health(driver).isEmpty() && capacity(driver, "ssd") > 0);
                driver.delete(id);
            }
        }
    }

    private LoopFileSystem disk(String name, LoopFileSystem.Kind kind) throws IOException {
        return LoopFileSystem.make(folder, name, kind, 600 * MIB);
    }

    private TestDriver start(LoopFileSystem ssd, LoopFileSystem hdd) throws IOException {
        return TestDriver.start(
                folder,
                NODE,
                """
                attach: false
                defaultPool: hdd
                pools:
                  ssd: {type: file, path: %s/ssd}
                  hdd: {type: file, path: %s/hdd}
                """
                        .formatted(ssd.mountPoint(), hdd.mountPoint()));
    }

    private static void assertUnavailable(TestDriver driver, Callable<?> call) throws Exception {
        var status = refusal(call);
        assertThat(status.getCode()).as(status.toString()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(status.getDescription()).contains("pool ssd").doesNotContain("INTERNAL");
    }

    private static String create(TestDriver driver, String pool, String name) {
        CreateVolumeRequest request =
                TestDriver.createRequest(name).toBuilder().putParameters("pool", pool).build();
        return driver.controller().createVolume(request).getVolume().getVolumeId();
    }

    private static String snapshot(TestDriver driver, String name, String source) {
        return driver.controller()
                .createSnapshot(
                        CreateSnapshotRequest.newBuilder()
                                .setName(name)
                                .setSourceVolumeId(source)
                                .build())
                .getSnapshot()
                .getSnapshotId();
    }

    private static String delete(TestDriver driver, String id) {
        driver.delete(id);
        return id;
    }

    private static csi.v1.ControllerGetVolumeResponse get(TestDriver driver, String id) {
        return driver.controller()
                .controllerGetVolume(
                        ControllerGetVolumeRequest.newBuilder().setVolumeId(id).build());
    }

    private static List<String> volumes(TestDriver driver) {
        return driver
                .controller()
                .listVolumes(ListVolumesRequest.getDefaultInstance())
                .getEntriesList()
                .stream()
                .map(entry -> entry.getVolume().getVolumeId())
                .toList();
    }

    private static List<String> snapshots(TestDriver driver) {
        return driver
                .controller()
                .listSnapshots(ListSnapshotsRequest.getDefaultInstance())
                .getEntriesList()
                .stream()
                .map(entry -> entry.getSnapshot().getSnapshotId())
                .toList();
    }

    private static long capacity(TestDriver driver, String pool) {
        return driver.controller()
                .getCapacity(GetCapacityRequest.newBuilder().putParameters("pool", pool).build())
                .getAvailableCapacity();
    }

    private static List<String> health(TestDriver driver) {
        return driver
                .node()
                .nodeGetStorageHealth(NodeGetStorageHealthRequest.getDefaultInstance())
                .getBackendHealthList()
                .stream()
                .map(entry -> entry.getReason())
                .toList();
    }

    private static void shutDown(LoopFileSystem disk) throws IOException {
        run("xfs_io", "-x", "-c", "shutdown", disk.mountPoint().toString());
    }

    private static void run(String... command) throws IOException {
        var _ = Command.run(List.of(command), PATIENCE);
    }
}
