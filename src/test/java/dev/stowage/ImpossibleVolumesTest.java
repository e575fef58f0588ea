package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static dev.stowage.testing.TestDriver.NODE;
import static dev.stowage.testing.TestDriver.refusal;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.CapacityRange;
import csi.v1.CreateVolumeRequest;
import csi.v1.VolumeCapability;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Failure case 68: what mkfs or the kernel always refuses is refused before a volume is made.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class ImpossibleVolumesTest {
    private static final long GIB = 1L << 30;
    private static final long TIB = 1L << 40;

    @TempDir(factory = TestFolder.class)
    private Path folder;

    private LoopFileSystem disk;
    private TestDriver driver;

    @BeforeEach
    void start() throws IOException {
        disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.XFS, 2 * GIB);
        driver =
                TestDriver.start(
                        folder,
                        NODE,
                        "attach: false\npools: {ssd: {type: file, path: %s/ssd, provisioning: thin, overcommit: 1000000}}\n"
                                .formatted(disk.mountPoint()));
    }

    @AfterEach
    void stop() throws IOException {
        driver.close();
        disk.close();
    }

    @ParameterizedTest
    @CsvSource({
        "ext3, '', 16, 17592186040320",
        "ext3, '', 17, 17592186040320",
        "ext4, -O ^64bit, 17, 17592186040320",
        "ext4, '-O ^64bit,64bit,^64bit', 17, 17592186040320",
        "ext4, -b 1024 -O ^64bit, 5, 4398046510080",
        "ext4, -T small -O ^64bit, 5, 4398046510080",
        "ext3, -b 2048, 9, 8796093020160",
        "ext3, -i 1024, 5, 4398046510080",
        "ext3, -b 4096 -i 2048, 9, 8796093020160",
    })
    void aVolumeLargerThanItsFileSystemCanBeIsOutOfRangeAndTheLargestIsNamed(
            String type, String options, long tebibytes, long largest) throws Exception {
        var refusal = refusal(() -> create(type, options, tebibytes * TIB));
        assertThat(refusal.getCode()).isEqualTo(Status.Code.OUT_OF_RANGE);
        assertThat(refusal.getDescription()).contains(type, options, "at most " + largest);
        assertThat(create(type, options, largest)).isEqualTo(largest);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ext4 -I 4096 -b 1024",
                "ext4 -J size=1",
                "ext4 -O ^sparse_super",
                "ext4 -O ^extent",
                "ext4 -O ^extents",
                "ext4 -E resize=1",
                "ext3 -O extent",
                "ext3 -O dir_index,huge_file",
                "ext3 -O ^dir_index,flex_bg",
                "ext3 -O metadata_csum",
                "ext3 -O orphan_file",
                "ext3 -G 16",
                "xfs -i size=2048 -b size=1024",
                "xfs -m rmapbt=1,finobt=0,inobtcount=1",
                "xfs -l size=64m,sunit=1",
                "btrfs -n 4096 -O ^extref,^skinny-metadata -d dup -m single --csum nonsense",
            })
    void optionsThatMkfsOrTheKernelRefusesAreRefusedAtCreate(String line) throws Exception {
        var words = line.split(" ", 2);
        for (var bytes : new long[] {GIB, 20 * TIB}) {
            var refusal = refusal(() -> create(words[0], words[1], bytes));
            assertThat(refusal.getCode())
                    .as(refusal.getDescription())
                    .isIn(Status.Code.INVALID_ARGUMENT, Status.Code.OUT_OF_RANGE);
        }
        try (var volumes = Files.list(disk.mountPoint().resolve("ssd/volumes"))) {
            assertThat(volumes).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ext3 -I 2048 -T largefile4",
                "ext4 -i 4096 -N 100000 -J size=8,fast_commit_size=4096",
                "ext4 -i 1024 -I 1024 -b 1024",
            })
    void whatMkfsFindsOnlyWhenItWritesIsFoundToo(String line) throws Exception {
        var words = line.split(" ", 2);
        var refusal = refusal(() -> create(words[0], words[1], 32L << 20));
        assertThat(refusal.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    }

    @Test
    void theProgramsOwnWordsAreInTheMessage() throws Exception {
        var refusal = refusal(() -> create("ext4", "-O ^extent", GIB));
        assertThat(refusal.getDescription())
                .contains("mkfsOptions '-O ^extent'")
                .contains("mkfs.ext4 says: Extents MUST be enabled for a 64-bit filesystem");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ext4 -O ^extent,^64bit",
                "ext4 -O ^sparse_super,^resize_inode",
                "ext4 -I 4096 -b 4096",
                "ext4 -J size=8",
                "ext4 -E lazy_journal_init=0",
                "ext3 -O ^64bit,^extent,dir_index",
                "ext3 -m 0 -I 512",
                "xfs -m reflink=0 -d agcount=8",
                "btrfs -m single --csum xxhash",
            })
    void whatIsGrantedCanBeStaged(String line) throws Exception {
        var words = line.split(" ", 2);
        var volume = driver.controller().createVolume(request(words[0], words[1], 3 * GIB));
        var id = volume.getVolume().getVolumeId();
        driver.stageAs(id, Map.of(), words[0]);
        driver.unstage(id);
    }

    private long create(String type, String options, long bytes) {
        return driver.controller()
                .createVolume(request(type, options, bytes))
                .getVolume()
                .getCapacityBytes();
    }

    private static CreateVolumeRequest request(String type, String options, long bytes) {
        return CreateVolumeRequest.newBuilder()
                .setName("%s %s %d".formatted(type, options, bytes))
                .setCapacityRange(CapacityRange.newBuilder().setRequiredBytes(bytes))
                .putParameters("mkfsOptions", options)
                .addVolumeCapabilities(
                        VolumeCapability.newBuilder()
                                .setMount(VolumeCapability.MountVolume.newBuilder().setFsType(type))
                                .setAccessMode(
                                        VolumeCapability.AccessMode.newBuilder()
                                                .setMode(SINGLE_NODE_WRITER)))
                .build();
    }
}
