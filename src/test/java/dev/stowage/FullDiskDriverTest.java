package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static dev.stowage.testing.TestDriver.MIB;
import static dev.stowage.testing.TestDriver.NODE;
import static dev.stowage.testing.TestDriver.refusal;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.CapacityRange;
import csi.v1.ControllerExpandVolumeRequest;
import csi.v1.GetCapacityRequest;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Failure cases 31 and 42: a pool whose disk somebody else has filled to the last block.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class FullDiskDriverTest {
    @TempDir(factory = TestFolder.class)
    private Path folder;

    @Test
    void whatNeedsRoomIsRefusedAndDeleteWorks() throws Exception {
        try (var disk = LoopFileSystem.make(folder, LoopFileSystem.Kind.EXT4, 128 * MIB)) {
            var yaml =
                    "attach: true\npools: {ssd: {type: file, path: %s/ssd, shared: true}}\n"
                            .formatted(disk.mountPoint());
            try (var driver = TestDriver.start(folder, NODE, yaml)) {
                var id = driver.create("data");
                var context = driver.attach(id, NODE, SINGLE_NODE_WRITER);
                var filler = disk.mountPoint().resolve("filler");
                fill(filler);
                var staged = refusal(() -> driver.stage(id, context, SINGLE_NODE_WRITER));
                assertThat(staged.getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
                assertThat(refusal(() -> driver.create("other")).getCode())
                        .isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
                var larger = range(64 * MIB);
                var expand =
                        ControllerExpandVolumeRequest.newBuilder()
                                .setVolumeId(id)
                                .setCapacityRange(larger)
                                .build();
                assertThat(
                                refusal(() -> driver.controller().controllerExpandVolume(expand))
                                        .getCode())
                        .isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
                assertThat(
                                driver.controller()
                                        .getCapacity(GetCapacityRequest.getDefaultInstance())
                                        .getAvailableCapacity())
                        .isZero();
                var unheld = driver.attach(id, NODE, SINGLE_NODE_WRITER);
                assertThat(unheld).isEqualTo(context);
                Files.delete(filler);
                driver.stage(id, context, SINGLE_NODE_WRITER);
                driver.unstage(id);
            }
        }
    }

    /// Failure case 42.
    @Test
    void sizesThatCanNotBeAreRefusedWithTheCodeThatSidecarsActOn() throws Exception {
        try (var driver = TestDriver.local(folder, NODE)) {
            var huge = TestDriver.createRequest("huge").toBuilder();
            huge.setCapacityRange(range(1L << 60));
            assertThat(refusal(() -> driver.controller().createVolume(huge.build())).getCode())
                    .isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
            var tiny = TestDriver.createRequest("tiny").toBuilder();
            tiny.setCapacityRange(CapacityRange.newBuilder().setLimitBytes(1 * MIB));
            tiny.putParameters("csi.storage.k8s.io/fstype", "xfs");
            assertThat(refusal(() -> driver.controller().createVolume(tiny.build())).getCode())
                    .isEqualTo(Status.Code.OUT_OF_RANGE);
            var odd = TestDriver.createRequest("odd").toBuilder();
            odd.setCapacityRange(
                    CapacityRange.newBuilder()
                            .setRequiredBytes(300 * MIB + 1)
                            .setLimitBytes(300 * MIB + 1000));
            var made = driver.controller().createVolume(odd.build()).getVolume();
            assertThat(made.getCapacityBytes()).isBetween(300 * MIB + 1, 300 * MIB + 1000);
            driver.delete(made.getVolumeId());
        }
    }

    /// Failure case 42: this node has no such disk.
    @Test
    void aNodeThatLacksThePoolHasNoRoomInIt() throws Exception {
        var yaml = "attach: false\npools: {ssd: {type: file, path: %s/no/ssd}}\n".formatted(folder);
        try (var driver = TestDriver.start(folder, NODE, yaml)) {
            assertThat(refusal(() -> driver.create("data")).getCode())
                    .isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
            assertThat(
                            driver.controller()
                                    .getCapacity(GetCapacityRequest.getDefaultInstance())
                                    .getAvailableCapacity())
                    .isZero();
        }
    }

    /// Failure case 1: what is not there is not blank.
    @Test
    void aVolumeWhoseImageIsGoneIsNeitherMadeAnewNorStaged() throws Exception {
        try (var driver = TestDriver.local(folder, NODE)) {
            var id = driver.create("data");
            var image = folder.resolve("ssd/volumes").resolve(id).resolve("image");
            Files.move(image, folder.resolve("elsewhere"));
            var refused = refusal(() -> driver.stage(id, Map.of(), SINGLE_NODE_WRITER));
            assertThat(refused.getCode()).isEqualTo(Status.Code.INTERNAL);
            assertThat(refused.getDescription()).contains(image.toString());
            assertThat(image).doesNotExist();
            assertThat(driver.create("data")).isEqualTo(id);
            assertThat(image).doesNotExist();
        }
    }

    private static CapacityRange range(long bytes) {
        return CapacityRange.newBuilder().setRequiredBytes(bytes).build();
    }

    /// Down to the last block: by allocating first, then by writing.
    private static void fill(Path file) throws IOException {
        var length = 0L;
        try (var fd = Fd.open(file, OpenFlags.O_RDWR | OpenFlags.O_CREAT, 0600)) {
            for (var piece = 64 * MIB; piece >= 1024; piece /= 2) {
                try {
                    while (true) {
                        fd.allocate(length + piece);
                        length += piece;
                    }
                } catch (ErrnoException e) {
                    assertThat(e).hasMessageContaining("ENOSPC");
                }
            }
            var _ = fd.write(ByteBuffer.allocate(1), 0);
            fd.fsync();
        }
    }
}
