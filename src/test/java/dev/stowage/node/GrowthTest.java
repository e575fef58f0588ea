package dev.stowage.node;

import static dev.stowage.node.filesystem.FormatTest.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.stowage.linux.Command;
import dev.stowage.linux.ExtSize;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.OpenFlags;
import dev.stowage.node.filesystem.Ext;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.Condition;
import dev.stowage.volume.Fault;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

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
    @DisplayName("76: an ext4 that is staged only is unmounted, grown and mounted as it was")
    void aStagedExtGrowsBeforeItIsPublished(FileSystemType fileSystem) throws IOException {
        assumeThat(Linux.hasCapSysResource()).as("CAP_SYS_RESOURCE").isFalse();
        try (var test = TestVolume.of(folder, fileSystem)) {
            test.stage(test.mounted("commit=17", "noauto_da_alloc", "noexec"));
            var before = total(test, "staging");
            var mount = test.mounts().getFirst();
            Files.writeString(test.stagingPath().resolve("file"), "content");
            assertThat(expand(test, "staging")).isEqualTo(test.volume.capacityBytes());
            assertThat(test.mounts()).containsExactly(mount); // nothing to do
            test.grow(test.volume.capacityBytes() * 2);

            assertThat(expand(test, "staging")).isEqualTo(test.volume.capacityBytes());

            assertThat(total(test, "staging")).isGreaterThan(before * 19 / 10);
            assertThat(test.stagingPath().resolve("file")).hasContent("content");
            assertThat(test.mounts())
                    .singleElement()
                    .satisfies(
                            now -> {
                                assertThat(now.type()).isEqualTo(mount.type());
                                assertThat(now.attributes()).isEqualTo(mount.attributes());
                                assertThat(now.superblock()).isEqualTo(mount.superblock());
                            });
            assertThat(conditions(test)).isEmpty();
            test.unstage();
        }
    }

    @Test
    @DisplayName("76: an ext4 that was just published grows when it is published again")
    void anExtThatWasJustPublishedGrowsAtTheNextPublication() throws IOException {
        assumeThat(Linux.hasCapSysResource()).as("CAP_SYS_RESOURCE").isFalse();
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            test.publish("target", false);
            var before = total(test, "target");
            test.grow(test.volume.capacityBytes() * 2);
            refused(() -> expand(test, "target"), Reason.BUSY, "publish it again");
            assertThat(total(test, "target")).isEqualTo(before);
            test.publish("target", false);
            assertThat(total(test, "target")).isGreaterThan(before * 19 / 10);
            assertThat(expand(test, "target")).isEqualTo(test.volume.capacityBytes());
            var mounts = test.mounts();
            test.publish("target", false);
            assertThat(test.mounts()).isEqualTo(mounts);
            test.unpublish("target");
            test.unstage();
        }
    }

    /// What a container has of the mount is seen by nobody but the kernel.
    @Test
    @DisplayName("76: it is not unmounted while something else has it mounted or open")
    void anExtInUseIsNotUnmountedAndGrowsAtTheNextStage() throws IOException {
        assumeThat(Linux.hasCapSysResource()).as("CAP_SYS_RESOURCE").isFalse();
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            var before = total(test, "staging");
            test.publish("a", false);
            test.publish("b", false);
            test.grow(test.volume.capacityBytes() * 2);
            refused(() -> expand(test, "a"), Reason.FAILED_PRECONDITION, "CAP_SYS_RESOURCE");
            assertThat(conditions(test))
                    .extracting(Condition::fault)
                    .containsExactly(Fault.FILE_SYSTEM_NOT_GROWN);
            test.unpublish("a");
            test.unpublish("b");
            try (var _ = Fd.open(test.stagingPath(), OpenFlags.O_RDONLY)) {
                refused(() -> expand(test, "staging"), Reason.FAILED_PRECONDITION, "in use");
            }
            assertThat(test.mounts()).hasSize(1);
            assertThat(total(test, "staging")).isEqualTo(before);
            test.unstage();
            test.stage();
            assertThat(total(test, "staging")).isGreaterThan(before * 19 / 10);
            assertThat(expand(test, "staging")).isEqualTo(test.volume.capacityBytes());
            test.unstage();
        }
    }

    /// What no program grows, by its options, and where the limit of its own lies.
    static Stream<Arguments> extThatReachesALimit() {
        return Stream.of(
                arguments(512, 1024, 512, List.of("-O", "bigalloc", "-C", "65536")),
                // too many descriptors for a group of 256 blocks
                arguments(16, 2048, 600, List.of("-b", "1024", "-g", "256", "-O", "^flex_bg")));
    }

    @ParameterizedTest
    @MethodSource("extThatReachesALimit")
    @DisplayName("66: an ext4 that can't become as large as its volume is mounted, and says so")
    void anExtThatCantGrowIsMountedAtTheSizeThatItHas(
            long from, long to, long atLeast, List<String> options) throws IOException {
        try (var test =
                TestVolume.make(
                        folder,
                        Optional.of(FileSystemType.EXT4),
                        from * TestVolume.MIB,
                        512,
                        options.toArray(String[]::new))) {
            test.stage();
            Files.writeString(test.stagingPath().resolve("file"), "content");
            test.unstage();
            test.growSparse(to * TestVolume.MIB);

            for (var stages = 0; stages < 2; stages++) {
                test.stage();
                assertThat(test.stagingPath().resolve("file")).hasContent("content");
                assertThat(ExtSize.read(test.image()).orElseThrow().bytes())
                        .isBetween(
                                atLeast * TestVolume.MIB,
                                test.volume.capacityBytes() - TestVolume.MIB);
                assertThat(conditions(test))
                        .singleElement()
                        .satisfies(
                                condition -> {
                                    assertThat(condition.fault())
                                            .isEqualTo(Fault.FILE_SYSTEM_NOT_GROWN);
                                    assertThat(condition.message()).contains("never");
                                });
                refused(() -> expand(test, "staging"), Reason.OUT_OF_RANGE, "never");
                test.unstage();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("66: an image that is 64 KiB over whole MiB")
    void anOddSizeGrowsIntoWholeMebibytes(FileSystemType fileSystem) throws IOException {
        var odd = TestVolume.size(fileSystem) + (64 << 10);
        try (var test = TestVolume.make(folder, Optional.of(fileSystem), odd, 512)) {
            test.stage();
            test.unstage();
            test.grow(TestVolume.size(fileSystem) + TestVolume.MIB);
            test.stage();
            assertThat(conditions(test)).isEmpty();
            test.unstage();
        }
    }

    @Test
    @DisplayName("66: a file system that the programs here don't know, but the kernel mounts")
    void whatFsckDoesNotKnowIsMountedAsItIs() throws IOException {
        assumeThat(Linux.hasCapSysResource()).as("CAP_SYS_RESOURCE").isFalse();
        try (var test = TestVolume.of(folder, FileSystemType.EXT4, "-O", "^metadata_csum")) {
            test.stage();
            var before = total(test, "staging");
            test.unstage();
            test.write(1024 + 0x5c + 3, new byte[] {0x40}); // s_feature_compat, of a later version
            test.grow(test.volume.capacityBytes() * 2);

            test.stage();

            assertThat(total(test, "staging")).isEqualTo(before);
            assertThat(conditions(test))
                    .extracting(Condition::fault)
                    .containsExactly(Fault.FILE_SYSTEM_NOT_GROWN);
            test.unstage();
        }
    }

    @Test
    @DisplayName("66: what is found damaged before it is grown is not mounted")
    void aDamagedExtIsNotMountedBecauseGrowthIsOptional() throws IOException {
        assumeThat(Linux.hasCapSysResource()).as("CAP_SYS_RESOURCE").isFalse();
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            Files.createDirectory(test.stagingPath().resolve("folder"));
            test.unstage();
            test.grow(test.volume.capacityBytes() * 2);
            Command.run(
                    List.of(
                            "debugfs",
                            "-w",
                            "-R",
                            "set_inode_field /folder mode 0140644",
                            test.image().toString()),
                    Duration.ofSeconds(10));
            refused(test::stage, Reason.DAMAGED, "fsck.ext4");
            assertThat(test.loops()).isEmpty();
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
            assertThatThrownBy(() -> expand(test, "staging")).isInstanceOf(Exception.class);
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
                        () -> new Growth(test.connectors(), test.fresh).expand(test.volume, path),
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

    private static List<Condition> conditions(TestVolume test) throws IOException {
        return new FileSystemCheck(test.connectors()).conditions(test.id());
    }

    private static long expand(TestVolume test, String path) throws IOException {
        return new Growth(test.connectors(), test.fresh).expand(test.volume, test.target(path));
    }

    private static long total(TestVolume test, String path) throws IOException {
        return new Stats(test.connectors()).stats(test.id(), test.target(path)).totalBytes();
    }
}
