package dev.stowage.node;

import static dev.stowage.node.FormatTest.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.stowage.linux.Command;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// Failure cases 21, 23 and 30.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class GrowthTest {
    @TempDir(factory = TestFolder.class)
    Path folder;

    /// 30
    @ParameterizedTest
    @CsvSource({"XFS,false", "BTRFS,false", "XFS,true", "BTRFS,true"})
    void aMountedFileSystemTakesTheNewSize(FileSystemType fileSystem, boolean readOnlyTarget)
            throws IOException {
        try (var test = TestVolume.of(folder, fileSystem)) {
            test.stage();
            test.publish("target", readOnlyTarget);
            var before = total(test, "target");
            test.grow(test.volume.capacityBytes() * 2);

            var capacity = expand(test, "target");

            assertThat(capacity).isEqualTo(test.volume.capacityBytes());
            assertThat(total(test, "target")).isGreaterThan(before * 19 / 10);
            var grown = total(test, "target");
            assertThat(expand(test, "target")).isEqualTo(capacity);
            assertThat(expand(test, "staging")).isEqualTo(capacity);
            assertThat(total(test, "target")).isEqualTo(grown);
            test.unpublish("target");
            test.unstage();
        }
    }

    /// 30: killed after the image grew, or after the device did.
    @ParameterizedTest
    @CsvSource({"false", "true"})
    void aGrowthThatWasKilledIsFinishedByTheRetry(boolean deviceGrew) throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.XFS)) {
            test.stage();
            var before = total(test, "staging");
            test.grow(test.volume.capacityBytes() * 2);
            if (deviceGrew) {
                LoopDevices.adoptNewSize(test.loops().getFirst());
            }
            expand(test, "staging");
            assertThat(total(test, "staging")).isGreaterThan(before * 19 / 10);
            test.unstage();
        }
    }

    /// 30: killed after the image grew, and then staged again over a device of the old size.
    @Test
    void aDeviceOfTheOldSizeIsBroughtUpToDateAtStage() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.XFS)) {
            test.attach();
            test.grow(test.volume.capacityBytes() * 2);
            test.stage();
            assertThat(test.loops())
                    .singleElement()
                    .matches(loop -> loop.sizeBytes() == test.volume.capacityBytes());
            test.unstage();
        }
    }

    /// 30
    @ParameterizedTest
    @EnumSource(
            value = FileSystemType.class,
            names = {"EXT4", "EXT3"})
    void aMountedExtSaysWhichCapabilityIsMissingAndGrowsAtTheNextStage(FileSystemType fileSystem)
            throws IOException {
        assumeThat(Linux.hasCapSysResource()).as("CAP_SYS_RESOURCE").isFalse();
        try (var test = TestVolume.of(folder, fileSystem)) {
            test.stage();
            var before = total(test, "staging");
            assertThat(expand(test, "staging")).isEqualTo(test.volume.capacityBytes());
            test.grow(test.volume.capacityBytes() * 2);
            refused(() -> expand(test, "staging"), Reason.FAILED_PRECONDITION, "CAP_SYS_RESOURCE");
            refused(
                    () -> expand(test, "staging"),
                    Reason.FAILED_PRECONDITION,
                    "securityContext.capabilities.add");
            test.unstage();
            test.stage();
            assertThat(total(test, "staging")).isGreaterThan(before * 19 / 10);
            assertThat(expand(test, "staging")).isEqualTo(test.volume.capacityBytes());
            test.unstage();
        }
    }

    /// What is too small for a block group of its own is no reason to check a volume at each
    /// stage.
    @Test
    void aRemainderThatExtCannotUseIsNotGrownInto() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            test.unstage();
            // 64 MiB are 8 groups of 8192 blocks
            test.grow(test.volume.capacityBytes() + (64 << 10));
            var loop = test.attach();
            var device = test.connectors().devices(test.id()).getFirst();
            assertThat(Ext.isSmallerThan(device)).isFalse();
            LoopDevices.detach(loop);
        }
    }

    /// 30
    @Test
    void aBlockVolumeTakesTheNewSizeOnAllItsDevices() throws IOException {
        try (var test = TestVolume.block(folder)) {
            test.stage();
            test.publish("writer", false);
            test.publish("reader", true);
            test.grow(16 * TestVolume.MIB);
            assertThat(expand(test, "writer")).isEqualTo(16 * TestVolume.MIB);
            assertThat(expand(test, "staging")).isEqualTo(16 * TestVolume.MIB);
            for (var name : new String[] {"writer", "reader"}) {
                try (var device = Fd.open(test.target(name), OpenFlags.O_RDONLY)) {
                    assertThat(device.blockDeviceBytes()).isEqualTo(16 * TestVolume.MIB);
                }
            }
            var stats = new Stats(test.connectors()).stats(test.id(), test.target("reader"));
            assertThat(stats).isEqualTo(VolumeStats.ofBlock(16 * TestVolume.MIB));
            test.unpublish("writer");
            test.unpublish("reader");
            test.unstage();
        }
    }

    /// 30
    @Test
    void aReadOnlyFileSystemIsNotGrownAndSaysWhen() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.XFS)) {
            test.stage();
            test.unstage();
            test.stageReadOnly();
            test.grow(test.volume.capacityBytes() * 2);
            refused(() -> expand(test, "staging"), Reason.FAILED_PRECONDITION, "read-only");
            test.unstage();
        }
    }

    /// 30: one that shut down after an error; its device grows, and it does at the next stage.
    @Test
    void aFileSystemWithErrorsIsNotGrownAndGrowsOnceItIsMended() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.XFS)) {
            test.stage();
            var before = total(test, "staging");
            Command.run(
                    List.of("xfs_io", "-x", "-c", "shutdown", test.stagingPath().toString()),
                    Duration.ofSeconds(10));
            test.grow(test.volume.capacityBytes() * 2);
            assertThatThrownBy(() -> expand(test, "staging")).isInstanceOf(ErrnoException.class);
            test.unstage();
            test.stage();
            assertThat(total(test, "staging")).isGreaterThan(before * 19 / 10);
            assertThat(expand(test, "staging")).isEqualTo(test.volume.capacityBytes());
            test.unstage();
        }
    }

    @Test
    void aBtrfsTooSmallForTheKernelToResizeSaysSoAndIsStagedAllTheSame() throws IOException {
        var btrfs = Optional.of(FileSystemType.BTRFS);
        try (var test = TestVolume.make(folder, btrfs, 112 * TestVolume.MIB, 512)) {
            test.stage();
            test.grow(200 * TestVolume.MIB);
            refused(() -> expand(test, "staging"), Reason.FAILED_PRECONDITION, "268435456");
            test.unstage();
            test.stage();
            test.grow(256 * TestVolume.MIB);
            expand(test, "staging");
            assertThat(total(test, "staging")).isGreaterThan(200 * TestVolume.MIB);
            test.unstage();
        }
    }

    /// 30
    @Test
    void anImageThatHasNotGrownIsNotPretendedToHave() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.XFS)) {
            test.stage();
            test.volume = test.volume.withCapacity(test.volume.capacityBytes() * 2);
            refused(() -> expand(test, "staging"), Reason.FAILED_PRECONDITION, "itself first");
            test.unstage();
        }
    }

    /// 23, 30
    @Test
    void whatIsNotAMountOfTheVolumeIsNotFound() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4);
                var other = TestVolume.of(folder, FileSystemType.EXT4)) {
            other.stage();
            Files.createDirectory(test.stagingPath());
            for (var path :
                    new Path[] {
                        test.stagingPath(),
                        other.stagingPath(),
                        Path.of("some/path"),
                        Path.of("/no/such/folder/x"),
                        Path.of("/proc")
                    }) {
                refused(
                        () -> new Stats(test.connectors()).stats(test.id(), path),
                        Reason.NOT_FOUND,
                        path.toString());
                refused(
                        () -> new Growth(test.connectors()).expand(test.volume, path),
                        Reason.NOT_FOUND,
                        path.toString());
            }
            other.unstage();
        }
    }

    /// 23
    @ParameterizedTest
    @EnumSource
    void statsAreThoseOfTheVolume(FileSystemType fileSystem) throws IOException {
        try (var test = TestVolume.of(folder, fileSystem)) {
            test.stage();
            test.publish("target", true);
            Files.write(test.stagingPath().resolve("file"), new byte[3 << 20]);
            Linux.syncfs(test.stagingPath());

            var stats = new Stats(test.connectors()).stats(test.id(), test.target("target"));

            assertThat(stats.block()).isFalse();
            assertThat(stats.totalBytes())
                    .isBetween(test.volume.capacityBytes() / 2, test.volume.capacityBytes());
            assertThat(stats.usedBytes()).isGreaterThan(3 << 20);
            assertThat(stats.availableBytes()).isLessThan(stats.totalBytes());
            if (fileSystem != FileSystemType.BTRFS) {
                assertThat(stats.usedInodes()).isPositive();
                assertThat(stats.usedInodes() + stats.freeInodes()).isEqualTo(stats.inodes());
            }
            test.unpublish("target");
            test.unstage();
        }
    }

    private static long expand(TestVolume test, String path) throws IOException {
        return new Growth(test.connectors()).expand(test.volume, test.target(path));
    }

    private static long total(TestVolume test, String path) throws IOException {
        return new Stats(test.connectors()).stats(test.id(), test.target(path)).totalBytes();
    }
}
