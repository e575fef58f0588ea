package dev.stowage.node.filesystem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.linux.Command;
import dev.stowage.linux.CommandException;
import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.KernelVersion;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.MountPoint;
import dev.stowage.linux.OpenFlags;
import dev.stowage.node.Stats;
import dev.stowage.node.TestVolume;
import dev.stowage.node.device.DeviceBytes;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.AccessType;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// Failure cases 1 to 6 and 8.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
public class FormatTest {
    @TempDir(factory = TestFolder.class)
    Path folder;

    @ParameterizedTest
    @EnumSource
    void aBlankVolumeIsFormattedOnceAndTheLedgerKnowsBeforeAndAfter(FileSystemType fileSystem)
            throws IOException {
        try (var test = TestVolume.of(folder, fileSystem)) {
            var before = test.allocatedBytes();
            test.stage();
            Files.writeString(test.stagingPath().resolve("file"), "kept");
            test.unstage();
            // 6: no discard
            assertThat(test.allocatedBytes()).isGreaterThanOrEqualTo(before);

            test.stage();

            assertThat(test.recorded)
                    .containsExactly(
                            new FormatState.Formatting(fileSystem),
                            new FormatState.Formatted(fileSystem));
            assertThat(test.stagingPath().resolve("file")).hasContent("kept");
            assertThat(test.mounts())
                    .singleElement()
                    .extracting(MountPoint::type)
                    .isEqualTo(fileSystem.kernelName());
            test.unstage();
        }
    }

    /// 4, for a driver that was killed with its mkfs.
    @ParameterizedTest
    @CsvSource({
        "EXT4,1",
        "EXT4,7",
        "EXT4,40",
        "EXT3,7",
        "XFS,1",
        "XFS,4",
        "XFS,9",
        "BTRFS,1",
        "BTRFS,5",
        "BTRFS,30"
    })
    void anMkfsThatWasKilledIsDoneAgain(FileSystemType fileSystem, int writes) throws IOException {
        try (var test = TestVolume.of(folder, fileSystem)) {
            var loop = test.attach();
            var argv =
                    Stream.concat(
                                    Stream.of(
                                            "strace",
                                            "-f",
                                            "-o",
                                            "/dev/null",
                                            "--inject=pwrite64,write:signal=KILL:when=" + writes),
                                    new Mkfs()
                                                    .arguments(
                                                            fileSystem,
                                                            List.of(),
                                                            loop.path(),
                                                            true)
                                                    .stream())
                            .toList();
            assertThatThrownBy(() -> Command.run(argv, Duration.ofMinutes(1)))
                    .isInstanceOf(CommandException.class);
            test.state = new FormatState.Formatting(fileSystem);

            test.stage();

            Files.writeString(test.stagingPath().resolve("file"), "written");
            assertThat(test.state).isEqualTo(new FormatState.Formatted(fileSystem));
            test.unstage();
        }
    }

    /// 4: killed after the mkfs ended and before the ledger heard of it, and asked for another
    /// one.
    @Test
    void aFormatThatWasNotSeenToEndIsDoneAgainForWhatIsAskedNow() throws IOException {
        try (var test =
                TestVolume.make(
                        folder, Optional.of(FileSystemType.XFS), 320 * TestVolume.MIB, 512)) {
            var loop = test.attach();
            Command.run(List.of("mkfs.ext4", "-q", loop.path().toString()), Duration.ofMinutes(1));
            test.state = new FormatState.Formatting(FileSystemType.EXT4);

            test.stage();

            assertThat(test.mounts()).singleElement().extracting(MountPoint::type).isEqualTo("xfs");
            test.unstage();
        }
    }

    /// 5
    @Test
    void noSecondMkfsStartsWhileAnotherProcessHasTheDeviceOpen() throws Exception {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            var loop = test.attach();
            test.state = new FormatState.Formatting(FileSystemType.EXT4);
            var before = test.hash();
            var holder =
                    new ProcessBuilder("sleep", "600").redirectInput(loop.path().toFile()).start();
            try {
                refused(test::stage, Reason.BUSY, String.valueOf(holder.pid()));
                assertThat(test.hash()).isEqualTo(before);
            } finally {
                holder.destroyForcibly().waitFor();
            }
            test.stage();
            test.unstage();
        }
    }

    @Test
    void aFailedMkfsIsReportedInItsOwnWordsAndLeavesNothingAttached() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4, "-b", "1024", "-i", "512")) {
            assertThatThrownBy(test::stage)
                    .isInstanceOf(CommandException.class)
                    .hasMessageContaining("mkfs.ext4");
            assertThat(test.loops()).isEmpty();
            assertThat(test.state).isEqualTo(new FormatState.Formatting(FileSystemType.EXT4));
        }
    }

    static Stream<Magic> foreign() {
        return Stream.concat(
                Magic.FOREIGN.stream(), PackedFormat.ALL.stream().map(PackedFormat::magic));
    }

    /// 3
    @ParameterizedTest
    @MethodSource("foreign")
    void aDeviceWithAnotherSignatureIsNeverFormatted(Magic magic) throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            // so that the signature and not the written byte decides
            test.provable = false;
            var end = test.volume.capacityBytes();
            test.write(magic.offset() < 0 ? end + magic.offset() : magic.offset(), magic.bytes());
            var before = test.hash();

            refused(test::stage, Reason.FAILED_PRECONDITION, magic.name().split(" \\(")[0]);

            assertThat(test.hash()).isEqualTo(before);
            assertThat(test.recorded).isEmpty();
            assertThat(test.loops()).isEmpty();
        }
    }

    /// 3: what has its place counted from the end, whole 64 or 256 KiB of it. The first and the
    /// last uberblock of ZFS's first and last label; mdraid of versions 1.0 and 0.90.
    @ParameterizedTest
    @CsvSource({
        "65536,131072,a ZFS pool member,0cb1ba0000000000",
        "65536,261120,a ZFS pool member,0000000000bab10c",
        "65536,66977792,a ZFS pool member,0000000000bab10c",
        "65536,67107840,a ZFS pool member,0cb1ba0000000000",
        "65788,66977792,a ZFS pool member,0cb1ba0000000000",
        "65788,67107840,a ZFS pool member,0000000000bab10c",
        "65536,67100672,a RAID member,fc4e2ba9",
        "65536,67043328,a RAID member,fc4e2ba9",
        "65788,67358720,a RAID member,fc4e2ba9",
        "65788,67239936,a RAID member,fc4e2ba9"
    })
    void aDeviceWithASignatureNearItsEndIsNeverFormatted(
            long kib, long offset, String name, String magic) throws IOException {
        try (var test = TestVolume.make(folder, Optional.of(FileSystemType.EXT4), kib << 10, 512)) {
            test.provable = false;
            test.write(offset, HexFormat.of().parseHex(magic));
            var before = test.hash();

            refused(test::stage, Reason.FAILED_PRECONDITION, name);

            assertThat(test.hash()).isEqualTo(before);
            assertThat(test.recorded).isEmpty();
        }
    }

    /// 3, by the programs themselves
    @ParameterizedTest
    @CsvSource({
        "EXT4,mkswap,swap",
        "EXT4,mkfs.xfs -q,xfs",
        "EXT4,mkfs.btrfs -q,btrfs",
        "XFS,mkfs.ext4 -q -F,ext4",
        "XFS,mkfs.ext3 -q -F,ext3",
        "XFS,mkfs.ext2 -q -F,ext2"
    })
    void aDeviceWithAnotherFileSystemIsNeverFormatted(
            FileSystemType asked, String program, String name) throws IOException {
        try (var test = TestVolume.make(folder, Optional.of(asked), 320 * TestVolume.MIB, 512)) {
            Command.run(
                    Stream.concat(Stream.of(program.split(" ")), Stream.of(test.image().toString()))
                            .toList(),
                    Duration.ofMinutes(1));
            var before = test.hash();
            for (var state :
                    List.of(
                            new FormatState.Blank(),
                            new FormatState.Formatted(asked),
                            new FormatState.Adopted())) {
                test.state = state;
                refused(test::stage, Reason.FAILED_PRECONDITION, name);
            }
            assertThat(test.hash()).isEqualTo(before);
            assertThat(test.recorded).isEmpty();
        }
    }

    /// 2
    @ParameterizedTest
    @CsvSource({
        "EXT4,64,-b 8193 -B 1024",
        "EXT4,640,-b 32768 -B 4096",
        "XFS,320,xfs_repair",
        "BTRFS,128,btrfs rescue"
    })
    void aLostSuperblockWithGoodCopiesIsNeverFormatted(
            FileSystemType fileSystem, long mib, String advice) throws IOException {
        try (var test =
                TestVolume.make(folder, Optional.of(fileSystem), mib * TestVolume.MIB, 512)) {
            test.stage();
            test.unstage();
            // what lies before the first group's bitmaps and, for XFS, its headers
            test.write(0, TestVolume.zeros(fileSystem == FileSystemType.BTRFS ? 1 << 17 : 4096));
            var before = test.hash();
            for (var state :
                    List.of(new FormatState.Blank(), new FormatState.Formatted(fileSystem))) {
                test.state = state;
                refused(test::stage, Reason.DAMAGED, advice);
            }
            assertThat(test.hash()).isEqualTo(before);
        }
    }

    /// 2, 3: what no signature tells, the image does.
    @Test
    void aVolumeInWhichAByteWasWrittenIsNotBlank() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.write(5 * TestVolume.MIB + 17, "diary".getBytes(UTF_8));
            var before = test.hash();

            refused(test::stage, Reason.DAMAGED, "written");

            assertThat(test.hash()).isEqualTo(before);
        }
    }

    /// 1
    @Test
    void aReadErrorIsAnErrorAndNeverBlank() throws IOException {
        // the first page of a process is never mapped
        try (var unreadable = Fd.open(Path.of("/proc/self/mem"), OpenFlags.O_RDONLY)) {
            assertThatThrownBy(() -> DeviceBytes.read(unreadable, 0, 512, 4096))
                    .isInstanceOfSatisfying(
                            ErrnoException.class, e -> assertThat(e.is(Errno.EIO)).isTrue());
        }
    }

    /// 1, on a device whose disk has died.
    @Test
    void aDiskThatCannotBeReadIsNotWrittenTo() throws IOException {
        try (var disk =
                        LoopFileSystem.make(
                                folder, LoopFileSystem.Kind.EXT4, 256 * TestVolume.MIB);
                var test = TestVolume.of(disk.mountPoint(), FileSystemType.EXT4)) {
            test.write(0, TestVolume.zeros(1 << 20));
            var loop = test.attach();
            var size = Files.size(disk.image());
            try (var image = FileChannel.open(disk.image(), StandardOpenOption.WRITE)) {
                image.truncate(TestVolume.MIB);
            }
            try {
                assertThatThrownBy(test::stage)
                        .isInstanceOfSatisfying(
                                ErrnoException.class, e -> assertThat(e.is(Errno.EIO)).isTrue());
                assertThat(test.recorded).isEmpty();
            } finally {
                try (var image = Fd.open(disk.image(), OpenFlags.O_RDWR)) {
                    image.truncate(size);
                }
            }
            LoopDevices.detach(loop);
        }
    }

    /// 1: an image that was cut off shows nothing of what it held.
    @Test
    void anImageSmallerThanItsRecordIsNotTakenForBlank() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            try (var image = Fd.open(test.image(), OpenFlags.O_RDWR)) {
                image.truncate(0);
            }
            refused(test::stage, Reason.DAMAGED, "cut off");
            assertThat(test.recorded).isEmpty();
            assertThat(test.loops()).isEmpty();
        }
    }

    /// 4: an imported volume, whatever it looks like.
    @Test
    void anAdoptedVolumeIsMountedAsItIsAndNeverFormatted() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.state = new FormatState.Adopted();
            refused(test::stage, Reason.DAMAGED, "no file system");
            Command.run(
                    List.of("mkfs.ext4", "-q", "-F", test.image().toString()),
                    Duration.ofMinutes(1));
            test.stage();
            test.unstage();
            assertThat(test.recorded).isEmpty();
        }
    }

    /// 8
    @Test
    void anotherFileSystemThanTheVolumesIsRefusedNamingBoth() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            var xfs = new AccessType.Mount(Optional.of(FileSystemType.XFS), List.of());
            refused(() -> test.stage(xfs), Reason.FAILED_PRECONDITION, "xfs");
            refused(() -> test.stage(xfs), Reason.FAILED_PRECONDITION, "ext4");
            test.state = new FormatState.Formatted(FileSystemType.BTRFS);
            refused(test::stage, Reason.FAILED_PRECONDITION, "btrfs");
            assertThat(test.mounts()).isEmpty();
        }
        try (var raw = TestVolume.block(folder)) {
            refused(
                    () -> raw.stage(new AccessType.Mount(Optional.empty(), List.of())),
                    Reason.FAILED_PRECONDITION,
                    "raw block");
        }
    }

    @Test
    void aBlankVolumeCannotBeStagedReadOnly() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            refused(test::stageReadOnly, Reason.FAILED_PRECONDITION, "for writing");
            assertThat(test.loops()).isEmpty();
        }
    }

    /// 62
    @ParameterizedTest
    @CsvSource({"EXT4,4096", "XFS,4096", "BTRFS,4096", "XFS,512"})
    void fileSystemsAreMadeForTheVolumesOwnBlockSize(FileSystemType fileSystem, int blockSize)
            throws IOException {
        try (var test =
                TestVolume.make(
                        folder, Optional.of(fileSystem), TestVolume.size(fileSystem), blockSize)) {
            test.stage();
            assertThat(test.loops().getFirst().blockSize()).isEqualTo(blockSize);
            test.unstage();
            test.stage();
            test.unstage();
        }
    }

    /// 62: made on a disk with 512-byte blocks, and on one with 4096, and moved between them.
    @ParameterizedTest
    @CsvSource({"EXT4,512", "XFS,512", "BTRFS,512", "EXT4,4096", "XFS,4096"})
    void aVolumeMountsWhateverTheBlocksOfTheDiskBelow(FileSystemType fileSystem, int blockSize)
            throws IOException {
        var image = LoopFileSystem.sparseFile(folder.resolve("disk.img"), 768 * TestVolume.MIB);
        var loop = LoopDevices.attach(image, "stowage-test:4096", 4096, false);
        var disk =
                new LoopFileSystem(
                        LoopFileSystem.Kind.XFS,
                        image,
                        Files.createDirectory(folder.resolve("disk")),
                        loop);
        try (disk) {
            disk.kind().format(loop.path());
            disk.mount();
            try (var there = sized(disk.mountPoint(), fileSystem, blockSize);
                    var here = sized(folder, fileSystem, blockSize)) {
                there.stage();
                Files.writeString(there.stagingPath().resolve("file"), "kept");
                there.unstage();
                here.stage();
                Files.writeString(here.stagingPath().resolve("file"), "moved");
                here.unstage();
                assertMountsAs(there, "kept");
                Files.copy(here.image(), there.image(), StandardCopyOption.REPLACE_EXISTING);
                assertMountsAs(there, "moved");
            }
        }
    }

    private static TestVolume sized(Path folder, FileSystemType fileSystem, int blockSize)
            throws IOException {
        var bytes = TestVolume.size(fileSystem);
        return TestVolume.make(folder, Optional.of(fileSystem), bytes, blockSize);
    }

    private static void assertMountsAs(TestVolume test, String content) throws IOException {
        test.stage();
        assertThat(test.loops().getFirst().blockSize()).isEqualTo(test.volume.blockSizeBytes());
        assertThat(test.stagingPath().resolve("file")).hasContent(content);
        test.unstage();
    }

    @Test
    void mkfsOptionsReachMkfsAndNeverBringBackDiscard() throws IOException {
        assertThat(
                        new Mkfs()
                                .arguments(
                                        FileSystemType.EXT4,
                                        List.of("-E", "stride=16", "-m", "0"),
                                        Path.of("/dev/loop9"),
                                        false))
                .containsExactly(
                        "mkfs.ext4",
                        "-q",
                        "-F",
                        "-E",
                        "nodiscard,stride=16",
                        "-m",
                        "0",
                        "/dev/loop9");
        for (var fileSystem : Set.of(FileSystemType.XFS, FileSystemType.BTRFS)) {
            assertThat(new Mkfs().arguments(fileSystem, List.of(), Path.of("/dev/loop9"), true))
                    .contains("-K");
        }
        try (var test = TestVolume.of(folder, FileSystemType.EXT4, "-N", "4096", "-m", "0")) {
            test.stage();
            assertThat(new Stats(test.connectors()).stats(test.id(), test.stagingPath()).inodes())
                    .isEqualTo(4096);
            test.unstage();
        }
    }

    /// 6: the kernel's own zeroing of inode tables would punch holes.
    @Test
    void anImageThatWasNeverWrittenLeavesTheKernelNothingToZero() throws IOException {
        assertThat(new Mkfs().arguments(FileSystemType.EXT4, List.of(), Path.of("/dev/x"), true))
                .contains("nodiscard,assume_storage_prezeroed=1");
        assertThat(new Mkfs().arguments(FileSystemType.EXT4, List.of(), Path.of("/dev/x"), false))
                .contains("nodiscard");
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            var said =
                    Command.run(
                            List.of("dumpe2fs", test.loops().getFirst().path().toString()),
                            Duration.ofMinutes(1));
            assertThat(said.stdout().lines().filter(line -> line.matches("Group \\d.*")))
                    .isNotEmpty()
                    .allMatch(line -> line.contains("ITABLE_ZEROED"));
            test.unstage();
        }
    }

    @Test
    void anOlderKernelGetsTheNewestXfsFeaturesThatItMounts() {
        var files =
                Stream.of("lts_4.19.conf", "lts_5.15.conf", "lts_5.4.conf", "dax_x86_64.conf")
                        .map(Path::of)
                        .toList();
        assertThat(Mkfs.newestFor(new KernelVersion(5, 14), files))
                .contains(Path.of("lts_5.4.conf"));
        assertThat(Mkfs.newestFor(new KernelVersion(5, 15), files))
                .contains(Path.of("lts_5.15.conf"));
        assertThat(Mkfs.newestFor(new KernelVersion(4, 14), files)).isEmpty();
    }

    public static void refused(ThrowingCallable call, Reason reason, String words) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        VolumeException.class, e -> assertThat(e.reason()).isEqualTo(reason))
                .hasMessageContaining(words);
    }
}
