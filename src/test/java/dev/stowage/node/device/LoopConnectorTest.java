package dev.stowage.node.device;

import static dev.stowage.node.filesystem.FormatTest.refused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.linux.Fd;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.OpenFlags;
import dev.stowage.node.StageRequest;
import dev.stowage.node.TestVolume;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Failure cases 26, 27 and 29.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class LoopConnectorTest {
    @TempDir(factory = TestFolder.class)
    Path folder;

    /// 26
    @Test
    void aDeviceThatAKilledDriverAttachedIsFoundAndUsed() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            var loop = test.attach();
            test.stage();
            assertThat(test.loops()).containsExactly(loop);
            test.unstage();
            assertThat(test.loops()).isEmpty();
            test.attach();
            test.unstage();
            assertThat(test.loops()).isEmpty();
        }
    }

    /// 27
    @Test
    void devicesOfOthersAreNeverTouched() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            var others = LoopName.of(NodeId.of("another")).of(test.id(), false);
            var foreign = LoopDevices.attach(test.image(), others, 512, true);
            try {
                test.stage();
                assertThat(test.loops()).hasSize(1).doesNotContain(foreign);
                test.unstage();
                assertThat(LoopDevices.at(foreign.path())).contains(foreign);
            } finally {
                LoopDevices.detach(foreign);
            }
        }
    }

    /// 29
    @Test
    void anImageThatWasReplacedWhileItWasAttachedIsRefused() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            Files.move(test.image(), test.target("old"));
            try (var image = Fd.open(test.image(), OpenFlags.O_RDWR | OpenFlags.O_CREAT, 0600)) {
                image.allocate(test.volume.capacityBytes());
            }
            test.staging()
                    .unstage(
                            VolumeId.of(new PoolId("other", UUID.randomUUID()), "x").toString(),
                            test.target("nothing"));
            var second = test.stageRequest(test.mounted(), AccessMode.SINGLE_NODE_WRITER, false);
            refused(
                    () ->
                            test.staging()
                                    .stage(
                                            new StageRequest(
                                                    test.volume,
                                                    second.attachment(),
                                                    test.target("second"),
                                                    second.capability())),
                    Reason.FAILED_PRECONDITION,
                    "replaced");
            assertThat(test.loops()).hasSize(1);
            test.unstage();
        }
    }

    @Test
    void namesFitTheKernelsFieldAndTellNodesAndVolumesApart() {
        var id = VolumeId.of(new PoolId("a".repeat(40), UUID.randomUUID()), "x".repeat(128));
        var names = LoopName.of(NodeId.of("n".repeat(200)));
        assertThat(names.of(id, true)).hasSizeLessThanOrEqualTo(63).startsWith("stowage:");
        assertThat(names.of(id, true)).isNotEqualTo(names.of(id, false));
        assertThat(names.of(id, false)).isNotEqualTo(LoopName.of(NodeId.of("n")).of(id, false));
        assertThat(names.isOf(id, names.of(id, true))).isTrue();
    }
}
