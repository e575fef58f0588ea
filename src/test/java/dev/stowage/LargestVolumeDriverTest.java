package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static dev.stowage.testing.TestDriver.MIB;
import static dev.stowage.testing.TestDriver.NODE;
import static dev.stowage.testing.TestDriver.refusal;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.CapacityRange;
import csi.v1.ControllerExpandVolumeRequest;
import csi.v1.CreateVolumeRequest;
import csi.v1.GetCapacityRequest;
import csi.v1.VolumeCapability;
import csi.v1.VolumeContentSource;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Failure case 68: how large a volume can become in its pool and with its file system.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class LargestVolumeDriverTest {
    private static final long GIB = 1L << 30;
    private static final long TIB = 1L << 40;

    /// 2^32 - 1 blocks of 4 KiB.
    private static final long LARGEST_ON_EXT4 = 16 * TIB - 4096;

    @TempDir(factory = TestFolder.class)
    private Path folder;

    @Test
    void aPoolOffersNoVolumeLargerThanAFileOnItsDisk() throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.EXT4, 600 * MIB);
                var driver = start(disk)) {
            var offered = driver.controller().getCapacity(GetCapacityRequest.getDefaultInstance());
            assertThat(offered.getAvailableCapacity()).isGreaterThan(100 * TIB);
            assertThat(offered.getMaximumVolumeSize().getValue()).isEqualTo(16 * TIB - MIB);
            var created = refusal(() -> create(driver, "ext4", 16 * TIB));
            assertThat(created.getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
            assertThat(created.getDescription())
                    .contains("the largest file on this pool's file system is " + LARGEST_ON_EXT4)
                    .doesNotContain("delete volumes");
            var id = create(driver, "ext4", LARGEST_ON_EXT4);
            var small = create(driver, "ext4", GIB);
            var expanded = refusal(() -> expand(driver, small, 17 * TIB));
            assertThat(expanded.getCode()).isEqualTo(Status.Code.OUT_OF_RANGE);
            assertThat(expanded.getDescription()).contains("" + LARGEST_ON_EXT4);
            assertThat(expand(driver, small, LARGEST_ON_EXT4)).isEqualTo(LARGEST_ON_EXT4);
            driver.delete(id);
            driver.delete(small);
        }
    }

    /// mke2fs makes them on disks of less than 512 MiB.
    @Test
    void aDiskWithSmallBlocksHasSmallerFiles() throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.EXT4, 256 * MIB);
                var driver = start(disk)) {
            var offered = driver.controller().getCapacity(GetCapacityRequest.getDefaultInstance());
            assertThat(offered.getMaximumVolumeSize().getValue()).isEqualTo(4 * TIB - MIB);
            assertThat(refusal(() -> create(driver, "xfs", 5 * TIB)).getCode())
                    .isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        }
    }

    @Test
    void theLargestVolumeOfAClassIsWhatItsFileSystemCanBe() throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.XFS, GIB);
                var driver = start(disk)) {
            assertThat(largest(driver, "ext3", "")).isEqualTo(16 * TIB - MIB);
            assertThat(largest(driver, "ext4", "-b 1024 -O ^64bit")).isEqualTo(4 * TIB - MIB);
            assertThat(largest(driver, "ext4", "")).isGreaterThan(100 * TIB);
            assertThat(largest(driver, "xfs", "")).isGreaterThan(100 * TIB);
            assertThat(largest(driver, "xfs", "-m reflink=0")).isGreaterThan(100 * TIB);
        }
    }

    @Test
    void aVolumeThatWasNotFormattedYetGrowsNoFurtherThanMkfsCanMakeIt() throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.XFS, GIB);
                var driver = start(disk)) {
            var id = create(driver, "ext3", GIB);
            var refusal = refusal(() -> expand(driver, id, 17 * TIB));
            assertThat(refusal.getCode()).isEqualTo(Status.Code.OUT_OF_RANGE);
            assertThat(refusal.getDescription()).contains("ext3 holds at most " + LARGEST_ON_EXT4);
        }
    }

    @Test
    void anXfsGrowsAThousandfoldAndIsRefusedWhatTakesMinutes() throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.XFS, 2 * GIB);
                var driver = start(disk)) {
            var id = create(driver, "xfs", 300 * MIB);
            stage(driver, id);
            var refusal = refusal(() -> expand(driver, id, 4 * TIB));
            assertThat(refusal.getCode()).isEqualTo(Status.Code.OUT_OF_RANGE);
            assertThat(refusal.getDescription())
                    .contains("at most to " + 4096 * 75 * MIB, "allocation groups of " + 75 * MIB);
            var copied =
                    refusal(
                            () ->
                                    driver.controller()
                                            .createVolume(
                                                    request("xfs", 4 * TIB).toBuilder()
                                                            .setVolumeContentSource(copyOf(id))
                                                            .build()));
            assertThat(copied.getCode()).isEqualTo(Status.Code.OUT_OF_RANGE);
            assertThat(expand(driver, id, 250 * GIB)).isEqualTo(250 * GIB);
            var again = refusal(() -> expand(driver, id, 4 * TIB));
            assertThat(again.getDescription()).contains("at most to " + 4096 * 75 * MIB);
            driver.unstage(id);
            var unformatted = create(driver, "xfs", 301 * MIB);
            assertThat(expand(driver, unformatted, 4 * TIB)).isEqualTo(4 * TIB);
        }
    }

    private TestDriver start(LoopFileSystem disk) throws IOException {
        return TestDriver.start(
                folder,
                NODE,
                "attach: true\npools: {ssd: {type: file, shared: true, path: %s/ssd, provisioning: thin, overcommit: 1000000}}\n"
                        .formatted(disk.mountPoint()));
    }

    private static void stage(TestDriver driver, String id) throws IOException {
        driver.stageAs(id, driver.attach(id, NODE, SINGLE_NODE_WRITER), "xfs");
    }

    private static VolumeContentSource copyOf(String id) {
        return VolumeContentSource.newBuilder()
                .setVolume(VolumeContentSource.VolumeSource.newBuilder().setVolumeId(id))
                .build();
    }

    private static long largest(TestDriver driver, String type, String options) {
        return driver.controller()
                .getCapacity(
                        GetCapacityRequest.newBuilder()
                                .putParameters("mkfsOptions", options)
                                .addVolumeCapabilities(mounted(type))
                                .build())
                .getMaximumVolumeSize()
                .getValue();
    }

    private static String create(TestDriver driver, String type, long bytes) {
        return driver.controller().createVolume(request(type, bytes)).getVolume().getVolumeId();
    }

    private static CreateVolumeRequest request(String type, long bytes) {
        return CreateVolumeRequest.newBuilder()
                .setName(type + bytes)
                .setCapacityRange(CapacityRange.newBuilder().setRequiredBytes(bytes))
                .addVolumeCapabilities(mounted(type))
                .build();
    }

    private static VolumeCapability mounted(String type) {
        return TestDriver.mount(SINGLE_NODE_WRITER).toBuilder()
                .setMount(VolumeCapability.MountVolume.newBuilder().setFsType(type))
                .build();
    }

    private static long expand(TestDriver driver, String id, long bytes) {
        return driver.controller()
                .controllerExpandVolume(
                        ControllerExpandVolumeRequest.newBuilder()
                                .setVolumeId(id)
                                .setCapacityRange(
                                        CapacityRange.newBuilder().setRequiredBytes(bytes))
                                .build())
                .getCapacityBytes();
    }
}
