package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static dev.stowage.testing.TestDriver.MIB;
import static dev.stowage.testing.TestDriver.NODE;
import static dev.stowage.testing.TestDriver.refusal;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.CapacityRange;
import csi.v1.CreateSnapshotRequest;
import csi.v1.GetCapacityRequest;
import csi.v1.ListVolumesRequest;
import csi.v1.NodeGetStorageHealthRequest;
import dev.stowage.client.CsiClient;
import dev.stowage.linux.Command;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Linux;
import dev.stowage.testing.FullDisk;
import dev.stowage.testing.LoopFileSystem;
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
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// Failure case 64: a driver that starts on a full disk.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class FullPoolStartTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    @TempDir(factory = TestFolder.class)
    private Path folder;

    @ParameterizedTest
    @CsvSource({
        "EXT4, true",
        "XFS, true",
        "BTRFS, true",
        "EXT4, false",
        "XFS, false",
        "BTRFS, false"
    })
    @DisplayName("64: a full pool opens, and only what needs room is refused")
    void aFullPoolOpensAndOnlyWhatNeedsRoomIsRefused(LoopFileSystem.Kind kind, boolean shared)
            throws Exception {
        try (var disk = LoopFileSystem.make(folder, kind, 600 * MIB)) {
            var volumes = makeVolumes(disk, shared);
            FullDisk.fill(disk.mountPoint().resolve("others"));
            checkFull(disk, shared, volumes, kind != LoopFileSystem.Kind.BTRFS);
        }
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    @DisplayName("64: a pool without a free inode opens, and only what needs one is refused")
    void aPoolWithoutInodesOpens(boolean shared) throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.EXT4, 600 * MIB)) {
            disk.unmount();
            var _ =
                    Command.run(
                            List.of(
                                    "mkfs.ext4",
                                    "-q",
                                    "-F",
                                    "-N",
                                    "256",
                                    disk.device().path().toString()),
                            PATIENCE);
            disk.mount();
            var volumes = makeVolumes(disk, shared);
            var others = Files.createDirectory(disk.mountPoint().resolve("others"));
            FullDisk.takeInodes(others, Integer.MAX_VALUE);
            try (var driver = start(disk, shared)) {
                checkReading(driver, volumes);
                checkUse(driver, shared, volumes, true);
                driver.delete(volumes.spare());
                driver.delete(volumes.published());
                // a volume has five inodes, and some are kept for records that change
                remove(others, 32);
                assertThat(eventually(driver, "new")).isNotEmpty();
            }
        }
    }

    private static void remove(Path folder, int files) throws IOException {
        try (var listed = Files.list(folder)) {
            for (var file : listed.limit(files).toList()) {
                Files.delete(file);
            }
        }
    }

    private record Made(String published, String formatted, String spare, Map<String, String> use) {
        List<String> ids() {
            return List.of(published, formatted, spare).stream().sorted().toList();
        }
    }

    /// One that a pod uses, one that was used before, one that never was and has bytes to give
    /// back.
    private Made makeVolumes(LoopFileSystem disk, boolean shared) throws IOException {
        try (var driver = start(disk, shared)) {
            var published = driver.create("published");
            var formatted = driver.create("formatted");
            var use = attach(driver, shared, published);
            driver.stage(published, use, SINGLE_NODE_WRITER);
            driver.publish(published, use, "target", SINGLE_NODE_WRITER, false);
            driver.stage(formatted, attach(driver, shared, formatted), SINGLE_NODE_WRITER);
            driver.unstage(formatted);
            detach(driver, shared, formatted);
            return new Made(published, formatted, driver.create("spare"), use);
        }
    }

    private void checkFull(LoopFileSystem disk, boolean shared, Made made, boolean overwrites)
            throws Exception {
        try (var driver = start(disk, shared)) {
            checkReading(driver, made);
            assertThat(health(driver)).contains("PoolFull").doesNotContain("PoolUnavailable");
            checkUse(driver, shared, made, overwrites);
            // all at once: XFS has room in the trash for the names of few
            driver.delete(made.spare());
            driver.delete(made.published());
            driver.delete(made.formatted());
            var made2 = eventually(driver, "new");
            driver.stage(made2, attach(driver, shared, made2), SINGLE_NODE_WRITER);
            driver.unstage(made2);
            detach(driver, shared, made2);
        }
    }

    private void checkReading(TestDriver driver, Made made) throws Exception {
        var listed = driver.controller().listVolumes(ListVolumesRequest.getDefaultInstance());
        assertThat(listed.getEntriesList())
                .extracting(entry -> entry.getVolume().getVolumeId())
                .isEqualTo(made.ids());
        assertThat(driver.create("spare")).isEqualTo(made.spare());
        assertThat(refusal(() -> driver.create("another")).getCode())
                .isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        var snapshot =
                CreateSnapshotRequest.newBuilder()
                        .setName("snapshot")
                        .setSourceVolumeId(made.spare())
                        .build();
        assertThat(refusal(() -> driver.controller().createSnapshot(snapshot)).getCode())
                .isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(
                        driver.controller()
                                .getCapacity(GetCapacityRequest.getDefaultInstance())
                                .getAvailableCapacity())
                .isGreaterThanOrEqualTo(0);
    }

    /// @param overwrites writing to an image in place needs no new block
    private void checkUse(TestDriver driver, boolean shared, Made made, boolean overwrites)
            throws IOException {
        driver.unpublish(made.published(), "target");
        driver.unstage(made.published());
        detach(driver, shared, made.published());
        var use = attach(driver, shared, made.formatted());
        if (overwrites) {
            driver.stage(made.formatted(), use, SINGLE_NODE_WRITER);
            driver.publish(made.formatted(), use, "target", SINGLE_NODE_WRITER, false);
            driver.unpublish(made.formatted(), "target");
            driver.unstage(made.formatted());
        }
        detach(driver, shared, made.formatted());
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

    /// What was deleted is erased in the background.
    private static String eventually(TestDriver driver, String name) throws Exception {
        var last = new AtomicReference<>("");
        try {
            Polling.await("there is room again", PATIENCE, () -> isMade(driver, name, last));
        } catch (AssertionError e) {
            throw new AssertionError(last.get(), e);
        }
        return create(driver, name);
    }

    /// Half as large as one that was deleted: btrfs may have taken some of that for its metadata.
    private static String create(TestDriver driver, String name) {
        var size = CapacityRange.newBuilder().setRequiredBytes(16 * TestDriver.MIB);
        return driver.controller()
                .createVolume(
                        TestDriver.createRequest(name).toBuilder().setCapacityRange(size).build())
                .getVolume()
                .getVolumeId();
    }

    private static boolean isMade(TestDriver driver, String name, AtomicReference<String> last) {
        try {
            return !create(driver, name).isEmpty();
        } catch (StatusRuntimeException e) {
            assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
            last.set(String.valueOf(e.getMessage()));
            return false;
        }
    }

    private static Map<String, String> attach(TestDriver driver, boolean shared, String id) {
        return shared ? driver.attach(id, NODE, SINGLE_NODE_WRITER) : Map.of();
    }

    private static void detach(TestDriver driver, boolean shared, String id) {
        if (shared) {
            driver.detach(id, NODE);
        }
    }

    private TestDriver start(LoopFileSystem disk, boolean shared) throws IOException {
        return TestDriver.start(folder, NODE, yaml(disk, shared));
    }

    private static String yaml(LoopFileSystem disk, boolean shared) {
        return "attach: %s\npools: {ssd: {type: file, path: %s/ssd, shared: %s, overcommit: 100.0}}\n"
                .formatted(shared, disk.mountPoint(), shared);
    }

    /// A driver that was killed leaves its lock, which the next one can't make anew.
    @ParameterizedTest
    @EnumSource(LoopFileSystem.Kind.class)
    @DisplayName("34, 64: on a full disk too a second driver of one folder is refused")
    void onAFullDiskASecondDriverIsRefused(LoopFileSystem.Kind kind) throws Exception {
        try (var disk = LoopFileSystem.make(folder, kind, 600 * MIB)) {
            var yaml = yaml(disk, false);
            String id;
            try (var driver = TestDriver.start(folder, NODE, yaml)) {
                id = driver.create("data");
            }
            FullDisk.fill(disk.mountPoint().resolve("others"));
            try (var first = ServeProcess.start(folder, "n2", yaml);
                    var ofFirst = new CsiClient(first.socket())) {
                first.awaitReady();
                assertThat(ids(ofFirst)).containsExactly(id);
                try (var second = ServeProcess.start(folder, "n3", yaml);
                        var ofSecond = new CsiClient(second.socket())) {
                    second.awaitReady();
                    assertThat(ids(ofSecond)).isEmpty();
                    first.kill();
                    Polling.await("the lock is free", PATIENCE, () -> !ids(ofSecond).isEmpty());
                }
            }
        }
    }

    private static List<String> ids(CsiClient client) {
        return client
                .controller()
                .listVolumes(ListVolumesRequest.getDefaultInstance())
                .getEntriesList()
                .stream()
                .map(entry -> entry.getVolume().getVolumeId())
                .toList();
    }

    @Test
    @DisplayName("64: a state folder on a full or read-only disk closes no pool that is known")
    void aStateFolderThatTakesNothingClosesNoKnownPool() throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.EXT4, 64 * MIB)) {
            var state = disk.mountPoint().resolve("state");
            var yaml = "attach: false\npools: {%s: {type: file, path: %s/ssd}}\n";
            try (var driver = stateful(state, yaml.formatted("ssd", folder))) {
                assertThat(driver.create("data")).isNotEmpty();
            }
            FullDisk.fill(disk.mountPoint().resolve("others"));
            try (var driver = stateful(state, yaml.formatted("renamed", folder))) {
                assertThat(driver.create("data")).startsWith("ssd.");
            }
            disk.unmount();
            var mount =
                    List.of(
                            "mount",
                            "-o",
                            "ro",
                            disk.device().path().toString(),
                            disk.mountPoint().toString());
            var _ = Command.run(mount, PATIENCE);
            try (var driver = stateful(state, yaml.formatted("renamed", folder))) {
                assertThat(driver.create("data")).startsWith("ssd.");
            }
        }
    }

    private TestDriver stateful(Path state, String yaml) throws IOException {
        var link = folder.resolve("state-" + NODE);
        if (!Files.exists(link)) {
            Files.createDirectories(state);
            Files.createSymbolicLink(link, state);
        }
        return TestDriver.start(folder, NODE, yaml);
    }

    /// What [FullDisk] is for.
    @ParameterizedTest
    @EnumSource(LoopFileSystem.Kind.class)
    void aFullDiskTakesNoByte(LoopFileSystem.Kind kind) throws Exception {
        try (var disk = LoopFileSystem.make(folder, kind, 600 * MIB)) {
            FullDisk.fill(disk.mountPoint().resolve("others"));
            Linux.syncfs(disk.mountPoint());
            assertThat(
                            org.assertj.core.api.Assertions.catchThrowable(
                                    () ->
                                            Files.writeString(
                                                    disk.mountPoint().resolve("one"), "more")))
                    .isInstanceOf(IOException.class)
                    .isNotInstanceOf(ErrnoException.class);
        }
    }
}
