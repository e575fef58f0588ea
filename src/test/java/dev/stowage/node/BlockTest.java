package dev.stowage.node;

import static dev.stowage.node.filesystem.FormatTest.refused;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.AccessType;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Failure cases 6, 20 and 30 for raw block volumes.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class BlockTest {
    @TempDir(factory = TestFolder.class)
    Path folder;

    /// 6, 20
    @Test
    void aBlockVolumeReadsAsZerosAndKeepsWhatIsWritten() throws IOException {
        try (var test = TestVolume.block(folder)) {
            test.stage();
            var before = test.mounts();
            test.stage();
            assertThat(test.mounts()).isEqualTo(before).hasSize(1);
            assertThat(test.staging().staged(test.id(), test.stagingPath())).isTrue();
            test.publish("target", false);
            test.publish("target", false);
            assertThat(test.mounts()).hasSize(2);
            assertThat(test.mounts().getLast().attributes()).doesNotContain("nodev");
            assertThat(Linux.stat(test.target("target")).isBlockDevice()).isTrue();
            try (var device = Fd.open(test.target("target"), OpenFlags.O_RDWR)) {
                assertThat(device.blockDeviceBytes()).isEqualTo(test.volume.capacityBytes());
                var read = ByteBuffer.allocate(1 << 20);
                for (var at = 0L; at < test.volume.capacityBytes(); at += read.capacity()) {
                    assertThat(device.read(read.clear(), at)).isEqualTo(read.capacity());
                    assertThat(read.array()).containsOnly(0);
                }
                device.write(ByteBuffer.wrap("raw".getBytes(US_ASCII)), 0);
                device.fsync();
            }
            refused(test::unstage, Reason.FAILED_PRECONDITION, "target");
            test.unpublish("target");
            assertThat(test.target("target")).doesNotExist();
            test.unstage();
            assertThat(test.stagingPath().resolve("device")).doesNotExist();
            assertThat(test.loops()).isEmpty();
            assertThat(Files.readAllBytes(test.image())).startsWith('r', 'a', 'w');
            assertThat(test.recorded).isEmpty();
        }
    }

    /// 20
    @Test
    void theTargetFileIsMadeForItsOwnerAlone() throws IOException {
        try (var test = TestVolume.block(folder);
                var target = Target.file(HostPath.require(test.target("file")))) {
            assertThat(target.fd().stat().mode() & 07777).isEqualTo(0600);
        }
    }

    /// 20
    @Test
    void aReadOnlyTargetIsADeviceThatRefusesWrites() throws IOException {
        try (var test = TestVolume.block(folder)) {
            test.stage();
            test.publish("writer", false);
            test.publish("reader", true);
            test.publish("second-reader", true);
            test.publish("reader", true);
            assertThat(test.loops()).hasSize(2);
            try (var reader = Fd.open(test.target("reader"), OpenFlags.O_RDWR)) {
                assertThatThrownBy(() -> reader.write(ByteBuffer.wrap(new byte[512]), 0))
                        .isInstanceOfSatisfying(
                                ErrnoException.class, e -> assertThat(e.is(Errno.EPERM)).isTrue());
            }
            try (var writer = Fd.open(test.target("writer"), OpenFlags.O_RDWR)) {
                writer.write(ByteBuffer.wrap("raw".getBytes(US_ASCII)), 0);
                writer.fsync();
            }
            try (var reader = Fd.open(test.target("reader"), OpenFlags.O_RDONLY)) {
                var read = ByteBuffer.allocate(3);
                reader.read(read, 0);
                assertThat(new String(read.array(), US_ASCII)).isEqualTo("raw");
            }
            refused(() -> test.publish("reader", false), Reason.ALREADY_EXISTS, "read-only");
            refused(() -> test.publish("writer", true), Reason.ALREADY_EXISTS, "for writing");
            test.unpublish("reader");
            assertThat(test.loops()).hasSize(2);
            test.unpublish("second-reader");
            assertThat(test.loops()).singleElement().matches(loop -> !loop.readOnly());
            test.unpublish("writer");
            test.unstage();
        }
    }

    @Test
    void aVolumeStagedForReadingHasOneDeviceThatRefusesWrites() throws IOException {
        try (var test = TestVolume.block(folder)) {
            test.stageReadOnly();
            refused(test::stage, Reason.ALREADY_EXISTS, "read-only");
            test.publish("reader", true);
            assertThat(test.loops()).singleElement().matches(loop -> loop.readOnly());
            refused(() -> test.publish("w", false), Reason.FAILED_PRECONDITION, "read-only");
            test.unpublish("reader");
            assertThat(test.loops()).hasSize(1);
            test.unstage();
        }
    }

    /// 14, 18, 50
    @Test
    void blockTargetsAreCheckedAsFoldersAre() throws IOException {
        try (var test = TestVolume.block(folder)) {
            refused(() -> test.publish("t", false), Reason.FAILED_PRECONDITION, "stage it first");
            test.stage();
            Files.writeString(test.target("t"), "precious");
            refused(
                    () -> test.publish("t", false),
                    Reason.FAILED_PRECONDITION,
                    "not an empty file");
            test.unpublish("t");
            assertThat(test.target("t")).hasContent("precious");
            Files.delete(test.target("t"));
            Files.createSymbolicLink(test.target("t"), test.target("elsewhere"));
            refused(
                    () -> test.publish("t", false),
                    Reason.FAILED_PRECONDITION,
                    "not an empty file");
            Files.delete(test.target("t"));
            Files.createDirectory(test.target("t"));
            refused(
                    () -> test.publish("t", false),
                    Reason.FAILED_PRECONDITION,
                    "not an empty file");
            var single = test.publishRequest("one", AccessMode.SINGLE_NODE_SINGLE_WRITER, false);
            test.publishing().publish(single);
            refused(
                    () ->
                            test.publishing()
                                    .publish(
                                            test.publishRequest(
                                                    "two",
                                                    AccessMode.SINGLE_NODE_SINGLE_WRITER,
                                                    false)),
                    Reason.FAILED_PRECONDITION,
                    test.target("one").toString());
            test.unpublish("one");
            test.unstage();
        }
    }

    @Test
    void oneVolumeIsNotUsedBothAsAFileSystemAndRaw() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            var raw =
                    test.stageRequest(new AccessType.Block(), AccessMode.SINGLE_NODE_WRITER, false);
            var elsewhere =
                    new StageRequest(
                            test.volume, raw.attachment(), test.target("raw"), raw.capability());
            refused(
                    () -> test.staging().stage(elsewhere),
                    Reason.FAILED_PRECONDITION,
                    "as a file system");
            test.unstage();
            test.staging().stage(elsewhere);
            refused(test::stage, Reason.FAILED_PRECONDITION, "as a raw block device");
            test.staging().unstage(test.id().toString(), test.target("raw"));
        }
    }

    /// 17: the number may be somebody else's by now, or nobody's.
    @Test
    void aTargetWhoseDeviceSomebodyDetachedCanBeUnpublished() throws IOException {
        try (var test = TestVolume.block(folder)) {
            test.stage();
            test.publish("target", false);
            LoopDevices.detach(test.loops().getFirst());
            test.unpublish("target");
            test.unstage();
            assertThat(test.mounts()).isEmpty();
        }
    }
}
