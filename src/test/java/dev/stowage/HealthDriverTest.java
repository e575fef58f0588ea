package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.CapacityRange;
import csi.v1.ControllerGetVolumeHealthRequest;
import csi.v1.ControllerListVolumeHealthRequest;
import csi.v1.CreateVolumeRequest;
import csi.v1.NodeGetStorageHealthRequest;
import csi.v1.NodeGetVolumeHealthRequest;
import csi.v1.StorageHealthErrorType;
import csi.v1.VolumeCapability;
import csi.v1.VolumeCapability.AccessMode.Mode;
import csi.v1.VolumeHealth;
import csi.v1.VolumeHealthErrorType;
import dev.stowage.linux.Command;
import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import io.grpc.Status;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// What CSI's questions after health answer when something is really wrong.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class HealthDriverTest {
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final Mode ONE = Mode.SINGLE_NODE_WRITER;

    @TempDir private Path folder;

    @Test
    void aVolumeThatNothingIsWrongWithHasNoConditionsAndIsNotListed() throws Exception {
        try (var driver = TestDriver.local(folder, "n1")) {
            for (var fileSystem : List.of("ext4", "xfs", "btrfs")) {
                var id = create(driver, fileSystem, fileSystem, "thick");
                driver.stage(id, Map.of(), ONE);
                assertThat(onNode(driver, id).getHealthStatusesList()).isEmpty();
                driver.unstage(id);
                assertThat(known(driver, id).getHealthStatusesList()).isEmpty();
                assertThat(known(driver, id).getVolumeId()).isEqualTo(id);
            }
            assertThat(listed(driver)).isEmpty();
            assertThat(storage(driver)).isEmpty();
        }
    }

    @Test
    void anUnknownVolumeIsNotFoundAndAForeignTokenIsRefused() throws Exception {
        try (var driver = TestDriver.local(folder, "n1")) {
            var id = driver.create("gone");
            driver.delete(id);
            assertThat(TestDriver.refusal(() -> known(driver, id)).getCode())
                    .isEqualTo(Status.Code.NOT_FOUND);
            assertThat(TestDriver.refusal(() -> onNode(driver, id)).getCode())
                    .isEqualTo(Status.Code.NOT_FOUND);
            assertThat(TestDriver.refusal(() -> page(driver, "nonsense", 1)).getCode())
                    .isEqualTo(Status.Code.ABORTED);
        }
    }

    @Test
    void errorsThatExt4HasCountedAreTold() throws Exception {
        try (var driver = TestDriver.local(folder, "n1")) {
            var id = create(driver, "v", "ext4", "thick");
            var staging = driver.stage(id, Map.of(), ONE);
            triggerExt4Error(staging);
            Polling.await(
                    "counted, a little later", LIMIT, () -> !reasons(onNode(driver, id)).isEmpty());
            assertThat(onNode(driver, id).getHealthStatusesList())
                    .singleElement()
                    .satisfies(
                            entry -> {
                                assertThat(entry.getReason()).isEqualTo("FileSystemErrors");
                                assertThat(entry.getStatus())
                                        .isEqualTo(VolumeHealthErrorType.DEGRADED);
                                assertThat(entry.getMessage())
                                        .contains(id, "seen 1 errors", "trigger_test_error");
                            });
            driver.unstage(id);
        }
    }

    /// From 6.15 on ext4 does not set the superblock's own flag then.
    @Test
    void aFileSystemThatAnErrorMadeReadOnlyIsTold() throws Exception {
        try (var driver = TestDriver.local(folder, "n1")) {
            var id = create(driver, "v", "ext4", "thick");
            var staging = driver.stage(id, Map.of(), ONE);
            driver.publish(id, Map.of(), "target", ONE, false);
            run("mount", "-o", "remount,errors=remount-ro", folder.resolve("target").toString());
            triggerExt4Error(staging);
            Polling.await(
                    "counted, a little later",
                    LIMIT,
                    () -> reasons(onNode(driver, id)).contains("FileSystemErrors"));
            assertThat(reasons(onNode(driver, id)))
                    .containsExactlyInAnyOrder("FileSystemReadOnly", "FileSystemErrors");
            driver.unpublish(id, "target");
            driver.unstage(id);
        }
    }

    @Test
    void aFileSystemThatSomebodyRemountedReadOnlyIsToldUntilItIsWritableAgain() throws Exception {
        try (var driver = TestDriver.local(folder, "n1")) {
            var id = create(driver, "v", "xfs", "thick");
            driver.stage(id, Map.of(), ONE);
            var target = driver.publish(id, Map.of(), "target", ONE, false);
            run("mount", "-o", "remount,ro", target.toString());
            assertThat(reasons(onNode(driver, id))).containsExactly("FileSystemReadOnly");
            run("mount", "-o", "remount,rw", target.toString());
            assertThat(reasons(onNode(driver, id))).isEmpty();
            driver.unpublish(id, "target");
            driver.unstage(id);
        }
    }

    @Test
    void aReadOnlyUseIsNoFault() throws Exception {
        try (var driver = TestDriver.local(folder, "n1")) {
            var id = create(driver, "v", "ext4", "thick");
            driver.stage(id, Map.of(), ONE);
            driver.unstage(id);
            driver.stage(id, Map.of(), Mode.SINGLE_NODE_READER_ONLY);
            assertThat(reasons(onNode(driver, id))).isEmpty();
            driver.unstage(id);
        }
    }

    /// statfs and mountinfo look as always then.
    @Test
    void anXfsThatHasShutItselfDownIsInaccessible() throws Exception {
        try (var driver = TestDriver.local(folder, "n1")) {
            var id = create(driver, "v", "xfs", "thick");
            var staging = driver.stage(id, Map.of(), ONE);
            run("xfs_io", "-x", "-c", "shutdown", staging.toString());
            assertThat(onNode(driver, id).getHealthStatusesList())
                    .singleElement()
                    .satisfies(
                            entry -> {
                                assertThat(entry.getReason()).isEqualTo("FileSystemShutDown");
                                assertThat(entry.getStatus())
                                        .isEqualTo(VolumeHealthErrorType.INACCESSIBLE);
                            });
            driver.unstage(id);
            driver.stage(id, Map.of(), ONE);
            assertThat(reasons(onNode(driver, id))).isEmpty();
            driver.unstage(id);
        }
    }

    @Test
    void whatBtrfsHasCountedIsTold() throws Exception {
        try (var driver = TestDriver.local(folder, "n1")) {
            var id = create(driver, "v", "btrfs", "thick");
            var file = driver.stage(id, Map.of(), ONE).resolve("file");
            Files.writeString(file, "NEEDLE".repeat(100_000));
            driver.unstage(id);
            spoilEach("NEEDLENEEDLE", image(id));
            driver.stage(id, Map.of(), ONE);
            assertThat(reasons(onNode(driver, id))).isEmpty();
            try {
                Files.readAllBytes(file);
                throw new AssertionError("btrfs did not notice");
            } catch (IOException expected) {
                assertThat(expected).hasMessageContaining("Input/output error");
            }
            assertThat(onNode(driver, id).getHealthStatusesList())
                    .singleElement()
                    .satisfies(
                            entry -> {
                                assertThat(entry.getReason()).isEqualTo("FileSystemErrors");
                                assertThat(entry.getMessage()).containsPattern("corruption [1-9]");
                            });
            driver.unstage(id);
        }
    }

    @Test
    void anImageThatWasRemovedBelowAStageIsTold() throws Exception {
        try (var driver = TestDriver.local(folder, "n1")) {
            var id = create(driver, "v", "ext4", "thick");
            driver.stage(id, Map.of(), ONE);
            Files.delete(image(id));
            assertThat(onNode(driver, id).getHealthStatusesList())
                    .singleElement()
                    .satisfies(
                            entry -> {
                                assertThat(entry.getReason()).isEqualTo("ImageMissing");
                                assertThat(entry.getStatus())
                                        .isEqualTo(VolumeHealthErrorType.DATA_LOSS);
                            });
            assertThat(reasons(known(driver, id))).containsExactly("ImageMissing");
            assertThat(listed(driver)).containsExactly(id);
            driver.unstage(id);
        }
    }

    /// The pool no longer knows it, but the node has it.
    @Test
    void aVolumeWhoseFolderIsGoneBelowItsStageIsStillKnownToTheNode() throws Exception {
        try (var driver = TestDriver.local(folder, "n1")) {
            var id = create(driver, "v", "ext4", "thick");
            driver.stage(id, Map.of(), ONE);
            Files.move(image(id).getParent(), folder.resolve("moved"));
            assertThat(reasons(onNode(driver, id))).containsExactly("ImageMissing");
            driver.unstage(id);
            assertThat(TestDriver.refusal(() -> onNode(driver, id)).getCode())
                    .isEqualTo(Status.Code.NOT_FOUND);
        }
    }

    /// Failure case 29.
    @Test
    void anImageThatWasReplacedBelowAStageIsTold() throws Exception {
        try (var driver = TestDriver.local(folder, "n1")) {
            var id = create(driver, "v", "ext4", "thick");
            driver.stage(id, Map.of(), ONE);
            var copy = Files.copy(image(id), folder.resolve("copy"));
            Files.move(copy, image(id), StandardCopyOption.REPLACE_EXISTING);
            assertThat(reasons(onNode(driver, id))).containsExactly("ImageReplaced");
            driver.unstage(id);
            assertThat(reasons(onNode(driver, id))).isEmpty();
        }
    }

    /// Failure case 38.
    @Test
    void damagedVolumesAreListedPageByPage() throws Exception {
        try (var driver = TestDriver.central(folder, "n1")) {
            var well = create(driver, "well", "ext4", "thick");
            var torn = create(driver, "torn", "ext4", "thick");
            var cut = create(driver, "cut", "ext4", "thick");
            var newer = create(driver, "newer", "ext4", "thick");
            tear(record(torn));
            try (var image = new RandomAccessFile(image(cut).toFile(), "rw")) {
                image.setLength(4096);
            }
            var text = Files.readString(record(newer));
            Files.writeString(record(newer), text.replaceFirst("(\"version\" *: *)1", "$12"));
            assertThat(reasons(known(driver, torn))).containsExactly("RecordUnreadable");
            assertThat(reasons(known(driver, cut))).containsExactly("ImageTooShort");
            assertThat(reasons(known(driver, newer))).containsExactly("NewerDriverNeeded");
            assertThat(reasons(known(driver, well))).isEmpty();

            var first = page(driver, "", 2);
            assertThat(first.getEntriesList()).hasSize(2);
            var second = page(driver, first.getNextToken(), 2);
            assertThat(second.getNextToken()).isEmpty();
            assertThat(second.getEntriesList()).hasSize(1);
            assertThat(listed(driver)).containsExactlyInAnyOrder(torn, cut, newer).isSorted();
        }
    }

    /// Failure case 33.
    @Test
    void aPoolThatGoesAndComesBackIsToldWhileItIsAway() throws Exception {
        try (var driver = TestDriver.local(folder, "n1")) {
            var id = driver.create("v");
            Files.move(folder.resolve("ssd"), folder.resolve("away"));
            assertThat(reasons(known(driver, id))).containsExactly("PoolUnavailable");
            assertThat(storage(driver))
                    .containsExactly(
                            Map.entry(
                                    "PoolUnavailable", StorageHealthErrorType.STORAGE_UNREACHABLE));
            assertThat(listed(driver)).isEmpty();
            Files.move(folder.resolve("away"), folder.resolve("ssd"));
            Polling.await("it is open again", LIMIT, () -> reasons(known(driver, id)).isEmpty());
            assertThat(storage(driver)).isEmpty();
        }
    }

    /// Failure case 32.
    @Test
    void thinVolumesFeelThatTheirPoolFills() throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.EXT4, 256L << 20);
                var driver = onDisk(disk, "provisioning: thin")) {
            var thin = create(driver, "thin", "ext4", "thin");
            var thick = create(driver, "thick", "ext4", "thick");
            assertThat(listed(driver)).isEmpty();
            var free = Files.getFileStore(disk.mountPoint()).getUsableSpace();
            var filler = disk.mountPoint().resolve("filler");
            fill(filler, free - (12L << 20));
            assertThat(listed(driver)).containsExactly(thin);
            assertThat(reasons(known(driver, thin))).containsExactly("PoolNearlyFull");
            assertThat(storage(driver))
                    .containsExactly(
                            Map.entry("PoolNearlyFull", StorageHealthErrorType.STORAGE_DEGRADED));
            fill(filler, free - (512L << 10));
            assertThat(reasons(known(driver, thin))).containsExactly("PoolFull");
            assertThat(reasons(known(driver, thick))).isEmpty();
            Files.delete(filler);
            assertThat(listed(driver)).isEmpty();
        }
    }

    @Test
    void aPoolOnADiskThatFailedIsUnavailable() throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.XFS, 512L << 20)) {
            try (var driver = onDisk(disk, "provisioning: thick")) {
                var id = create(driver, "v", "ext4", "thick");
                run("xfs_io", "-x", "-c", "shutdown", disk.mountPoint().toString());
                assertThat(known(driver, id).getHealthStatusesList())
                        .singleElement()
                        .satisfies(
                                entry -> {
                                    assertThat(entry.getReason()).isEqualTo("PoolUnavailable");
                                    assertThat(entry.getStatus())
                                            .isEqualTo(VolumeHealthErrorType.INACCESSIBLE);
                                    assertThat(entry.getMessage()).contains("EIO");
                                });
            } finally {
                disk.unmount();
            }
        }
    }

    /// From 6.15 on ext4 does not set the superblock's own flag then, so statfs does not show it.
    @Test
    void aPoolThatAnErrorMadeReadOnlyIsTold() throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.EXT4, 256L << 20);
                var driver = onDisk(disk, "provisioning: thick")) {
            var id = create(driver, "v", "ext4", "thick");
            run("mount", "-o", "remount,errors=remount-ro", disk.mountPoint().toString());
            assertThat(storage(driver)).isEmpty();
            triggerExt4Error(disk.mountPoint());
            assertThat(storage(driver))
                    .containsExactly(
                            Map.entry("PoolReadOnly", StorageHealthErrorType.STORAGE_DEGRADED));
            assertThat(reasons(known(driver, id))).containsExactly("PoolReadOnly");
        }
    }

    @Test
    void aPoolWhoseFsyncFailedIsTold() throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.EXT4, 256L << 20);
                var driver = onDisk(disk, "provisioning: thick")) {
            var id = create(driver, "v", "ext4", "thick");
            run("mount", "-o", "remount,errors=remount-ro", disk.mountPoint().toString());
            triggerExt4Error(disk.mountPoint());
            // A repeat finds the volume, and makes sure that it is on the disk.
            assertThat(TestDriver.refusal(() -> create(driver, "v", "ext4", "thick")).getCode())
                    .isEqualTo(Status.Code.UNAVAILABLE);
            assertThat(storage(driver))
                    .contains(
                            Map.entry(
                                    "PoolRefusesChanges", StorageHealthErrorType.STORAGE_DEGRADED));
            assertThat(known(driver, id).getHealthStatusesList())
                    .filteredOn(entry -> entry.getReason().equals("PoolRefusesChanges"))
                    .singleElement()
                    .satisfies(
                            entry -> assertThat(entry.getMessage()).contains("restart the driver"));
        }
    }

    /// btrfs refuses to hand out a block whose checksum is wrong.
    @Test
    void aDeviceThatCanNotBeReadIsInaccessible() throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.BTRFS, 512L << 20);
                var driver = onDisk(disk, "provisioning: thick")) {
            var id = create(driver, "v", "ext4", "thick");
            driver.stage(id, Map.of(), ONE);
            assertThat(reasons(onNode(driver, id))).isEmpty();
            run("sync", "-f", disk.mountPoint().toString());
            var image = disk.mountPoint().resolve("ssd/volumes/" + id + "/image");
            spoilEach(superblock(image), disk.image());
            try (var cached = Fd.open(image, OpenFlags.O_RDONLY)) {
                cached.dropCache();
            }
            assertThat(onNode(driver, id).getHealthStatusesList())
                    .singleElement()
                    .satisfies(
                            entry -> {
                                assertThat(entry.getReason()).isEqualTo("DeviceUnreadable");
                                assertThat(entry.getStatus())
                                        .isEqualTo(VolumeHealthErrorType.INACCESSIBLE);
                                assertThat(entry.getMessage()).contains(id, "EIO");
                            });
            driver.unstage(id);
        }
    }

    /// The uuid that an ext4 has in its first block.
    private static String superblock(Path image) throws IOException {
        try (var file = new RandomAccessFile(image.toFile(), "r")) {
            var uuid = new byte[16];
            file.seek(1024 + 0x68);
            file.readFully(uuid);
            return new String(uuid, StandardCharsets.ISO_8859_1);
        }
    }

    private TestDriver onDisk(LoopFileSystem disk, String provisioning) throws IOException {
        return TestDriver.start(
                folder,
                "n1",
                "attach: false\npools:\n  ssd: {type: file, path: %s/ssd, %s}\n"
                        .formatted(disk.mountPoint(), provisioning));
    }

    private static String create(
            TestDriver driver, String name, String fileSystem, String provisioning) {
        var mount = VolumeCapability.MountVolume.newBuilder().setFsType(fileSystem);
        return driver.controller()
                .createVolume(
                        CreateVolumeRequest.newBuilder()
                                .setName(name)
                                .putParameters("provisioning", provisioning)
                                .setCapacityRange(
                                        CapacityRange.newBuilder()
                                                .setRequiredBytes(32 * TestDriver.MIB))
                                .addVolumeCapabilities(
                                        TestDriver.mount(ONE).toBuilder().setMount(mount))
                                .build())
                .getVolume()
                .getVolumeId();
    }

    private Path image(String id) {
        return folder.resolve("ssd/volumes/" + id + "/image");
    }

    private Path record(String id) {
        return folder.resolve("ssd/volumes/" + id + "/volume.json");
    }

    private static VolumeHealth known(TestDriver driver, String id) {
        return driver.controller()
                .controllerGetVolumeHealth(
                        ControllerGetVolumeHealthRequest.newBuilder().setVolumeId(id).build())
                .getVolumeHealth();
    }

    private static VolumeHealth onNode(TestDriver driver, String id) {
        return driver.node()
                .nodeGetVolumeHealth(
                        NodeGetVolumeHealthRequest.newBuilder().setVolumeId(id).build())
                .getVolumeHealth();
    }

    private static csi.v1.ControllerListVolumeHealthResponse page(
            TestDriver driver, String token, int entries) {
        return driver.controller()
                .controllerListVolumeHealth(
                        ControllerListVolumeHealthRequest.newBuilder()
                                .setStartingToken(token)
                                .setMaxEntries(entries)
                                .build());
    }

    private static List<String> listed(TestDriver driver) {
        return page(driver, "", 0).getEntriesList().stream()
                .map(VolumeHealth::getVolumeId)
                .toList();
    }

    private static List<Map.Entry<String, StorageHealthErrorType>> storage(TestDriver driver) {
        return driver
                .node()
                .nodeGetStorageHealth(NodeGetStorageHealthRequest.getDefaultInstance())
                .getBackendHealthList()
                .stream()
                .map(backend -> Map.entry(backend.getReason(), backend.getStatus()))
                .toList();
    }

    private static List<String> reasons(VolumeHealth health) {
        return health.getHealthStatusesList().stream()
                .map(VolumeHealth.VolumeHealthEntry::getReason)
                .toList();
    }

    /// The kernel has a file for the purpose.
    private static void triggerExt4Error(Path mountPoint) throws IOException {
        var device = Files.getFileStore(mountPoint).name().replace("/dev/", "");
        Files.writeString(Path.of("/sys/fs/ext4", device, "trigger_fs_error"), "a test");
    }

    private static void spoilEach(String needle, Path image) throws IOException {
        var content = Files.readString(image, StandardCharsets.ISO_8859_1);
        var at = content.indexOf(needle);
        assertThat(at).isPositive();
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            while (at >= 0) {
                file.seek(at);
                file.write(~needle.charAt(0));
                at = content.indexOf(needle, at + needle.length());
            }
        }
    }

    private static void tear(Path record) throws IOException {
        var text = Files.readString(record);
        Files.writeString(
                record, text.substring(0, text.length() / 2), StandardOpenOption.TRUNCATE_EXISTING);
    }

    private static void fill(Path file, long bytes) throws IOException {
        run("fallocate", "-l", Long.toString(bytes), file.toString());
    }

    private static void run(String... command) throws IOException {
        var _ = Command.run(List.of(command), LIMIT);
    }
}
