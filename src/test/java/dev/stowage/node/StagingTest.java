package dev.stowage.node;

import static dev.stowage.node.filesystem.FormatTest.refused;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.linux.Command;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.Mounts;
import dev.stowage.linux.OpenFlags;
import dev.stowage.node.filesystem.ExtSuperblock;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.AccessType;
import dev.stowage.volume.Capability;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// Failure cases 7, 9 to 13, 15, 17, 25.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class StagingTest {
    @TempDir(factory = TestFolder.class)
    Path folder;

    /// 7, 13
    @ParameterizedTest
    @EnumSource
    @DisplayName(
            "75: each option of fstab and StorageClasses is taken by the kernel, and known again")
    void eachOptionIsTakenByTheKernelAndKnownAgain(FileSystemType fileSystem) throws IOException {
        var common =
                "acl user_xattr barrier barrier=1 noquota nofail _netdev noauto nouser nomand norelatime"
                        + " silent x-systemd.automount sync dirsync discard nodiscard lazytime nolazytime";
        var ext =
                " grpid bsdgroups nogrpid sysvgroups init_itable init_itable=0 init_itable=20"
                        + " noinit_itable max_batch_time=1000 min_batch_time=10 data_err=abort data_err=ignore"
                        + " block_validity bsddf noauto_da_alloc stripe=16 errors=remount-ro data=writeback";
        var own =
                switch (fileSystem) {
                    case EXT3 -> ext;
                    case EXT4 ->
                            ext
                                    + " dioread_nolock dioread_lock journal_checksum delalloc nodelalloc";
                    case XFS ->
                            " grpid bsdgroups nogrpid sysvgroups noalign filestreams attr2 noikeep"
                                    + " nolargeio largeio swalloc wsync inode32 logbufs=4 nouuid";
                    case BTRFS ->
                            " treelog notreelog space_cache space_cache=v2 user_subvol_rm_allowed"
                                    + " flushoncommit nossd autodefrag compress=zstd nodatacow discard=async";
                };
        try (var test = TestVolume.of(folder, fileSystem)) {
            for (var option : (common + own).split(" ")) {
                test.stage(test.mounted(option));
                var before = test.mounts();
                test.stage(test.mounted(option));
                assertThat(test.mounts()).as(option).isEqualTo(before).hasSize(1);
                test.unstage();
            }
        }
    }

    /// 7, 15
    @ParameterizedTest
    @EnumSource
    void stagedTwiceIsTheSameMountLineForLine(FileSystemType fileSystem) throws IOException {
        try (var test = TestVolume.of(folder, fileSystem)) {
            var options = test.mounted("noatime", "lazytime", "noexec", "commit=17");
            if (fileSystem == FileSystemType.XFS) {
                options = test.mounted("noatime", "noexec", "allocsize=1m", "inode64");
            }
            test.stage(options);
            Files.writeString(test.stagingPath().resolve("file"), "intact");
            var before = test.mounts();

            test.stage(options);

            assertThat(test.mounts()).isEqualTo(before).hasSize(1);
            assertThat(before.getFirst().attributes()).contains("nosuid", "nodev", "noexec");
            assertThat(test.stagingPath().resolve("file")).hasContent("intact");
            assertThat(test.loops()).hasSize(1);
            assertThat(test.staging().staged(test.id(), test.stagingPath())).isTrue();
            refused(test::stage, Reason.ALREADY_EXISTS, "other options");
            refused(test::stageReadOnly, Reason.ALREADY_EXISTS, "other options");
            refused(
                    () -> test.stage(new AccessType.Block()),
                    Reason.ALREADY_EXISTS,
                    "as a file system");
            assertThat(test.mounts()).isEqualTo(before);
            test.unstage();
        }
    }

    /// 7, 15: of these the kernel shows something else than was asked for.
    @ParameterizedTest
    @CsvSource({
        "EXT4,data=journal",
        "EXT4,commit=0",
        "EXT4,stripe=1",
        "EXT3,data=journal",
        "XFS,sync",
        "XFS,logbufs=0",
        "XFS,logbsize=64k",
        "BTRFS,nodatacow",
        "BTRFS,nodatacow compress=zstd",
        "BTRFS,compress=zlib",
        "BTRFS,compress-force=no",
        "BTRFS,commit=0"
    })
    void whatTheKernelShowsOtherwiseIsTheSameMount(FileSystemType fileSystem, String options)
            throws IOException {
        try (var test = TestVolume.of(folder, fileSystem)) {
            var asked = test.mounted(options.split(" "));
            test.stage(asked);
            var before = test.mounts();

            test.stage(asked);

            assertThat(test.mounts()).isEqualTo(before).hasSize(1);
            test.unstage();
        }
    }

    /// 7, 15: what mkfs has written is shown as if it were an option of the mount.
    @ParameterizedTest
    @CsvSource({
        "EXT4,-E stride=16",
        "EXT4,'-E stride=16,stripe_width=32'",
        "EXT3,'-E stride=16,stripe_width=32'",
        "XFS,-l su=64k"
    })
    void whatTheFileSystemWasMadeWithIsNoOtherOption(FileSystemType fileSystem, String options)
            throws IOException {
        try (var test = TestVolume.of(folder, fileSystem, options.split(" "))) {
            test.stage();
            var before = test.mounts();

            test.stage();

            assertThat(test.mounts()).isEqualTo(before).hasSize(1);
            test.unstage();
        }
    }

    /// As the kubelet asks for it, with commas inside. A kernel without SELinux refuses it by name.
    @Test
    void anSelinuxContextReachesTheKernel() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            var label = "system_u:object_r:container_file_t:s0:c1,c22";
            var options = test.mounted("context=\"%s\"".formatted(label));
            if (Files.exists(Path.of("/sys/fs/selinux/enforce"))) {
                test.stage(options);
                assertThat(test.mounts().getFirst().superblock())
                        .contains("context=\"%s\"".formatted(label));
                test.unstage();
                return;
            }
            assertThatThrownBy(() -> test.stage(options))
                    .hasMessageContaining("Unknown parameter 'context'");
            assertThat(test.mounts()).isEmpty();
            assertThat(test.loops()).isEmpty();
        }
    }

    /// 7
    @Test
    void aPathThatAnotherVolumeHasIsRefused() throws IOException {
        try (var one = TestVolume.of(folder, FileSystemType.EXT4);
                var other = TestVolume.of(folder, FileSystemType.EXT4)) {
            one.stage();
            var request =
                    new StageRequest(
                            other.volume,
                            other.stageRequest(
                                            other.mounted(), AccessMode.SINGLE_NODE_WRITER, false)
                                    .attachment(),
                            one.stagingPath(),
                            new Capability(AccessMode.SINGLE_NODE_WRITER, other.mounted()));
            refused(() -> other.staging().stage(request), Reason.ALREADY_EXISTS, "not this volume");
            refused(
                    () -> other.staging().unstage(other.id().toString(), one.stagingPath()),
                    Reason.FAILED_PRECONDITION,
                    "left alone: unmount it (umount ");
            refused(
                    () -> other.staging().unstage("no-id-of-ours", one.stagingPath()),
                    Reason.FAILED_PRECONDITION,
                    "left alone: unmount it (umount ");
            assertThat(one.mounts()).hasSize(1);
            assertThat(other.loops()).isEmpty();
            one.unstage();
        }
    }

    /// 9: a copy of the image of a mounted file system is what a crash leaves.
    @ParameterizedTest
    @EnumSource
    void anUncleanFileSystemIsReplayedByItsMount(FileSystemType fileSystem) throws IOException {
        try (var test = TestVolume.of(folder, fileSystem);
                var crashed = crash(test)) {
            crashed.stage();
            assertThat(crashed.stagingPath().resolve("file")).hasContent("synced");
            crashed.unstage();
        }
    }

    /// 12
    @ParameterizedTest
    @EnumSource
    void aReadOnlyStageOfADirtyFileSystemWritesNothing(FileSystemType fileSystem)
            throws IOException {
        try (var test = TestVolume.of(folder, fileSystem);
                var crashed = crash(test)) {
            var before = crashed.hash();

            refused(crashed::stageReadOnly, Reason.FAILED_PRECONDITION, "once for writing");

            assertThat(crashed.hash()).isEqualTo(before);
            assertThat(crashed.loops()).isEmpty();
            crashed.stage();
            crashed.unstage();
            var clean = crashed.hash();
            crashed.stageReadOnly();
            assertThat(crashed.stagingPath().resolve("file")).hasContent("synced");
            assertThat(crashed.loops()).singleElement().matches(loop -> loop.readOnly());
            assertThatThrownBy(() -> Files.writeString(crashed.stagingPath().resolve("x"), "x"))
                    .hasMessageContaining("Read-only");
            crashed.unstage();
            assertThat(crashed.hash()).isEqualTo(clean);
        }
    }

    /// 9
    @Test
    void anExtWithErrorsIsMendedBeforeItIsMounted() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            test.unstage();
            debugfs(test, "ssv state 2");

            test.stage();
            test.unstage();

            var loop = test.attach();
            try (var fd = Fd.open(loop.path(), OpenFlags.O_RDONLY)) {
                assertThat(ExtSuperblock.primary(fd, loop.sizeBytes()).orElseThrow().hasErrors())
                        .isFalse();
            }
            LoopDevices.detach(loop);
        }
    }

    /// 9
    @Test
    void whatFsckCannotMendByItselfIsReportedInItsOwnWords() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            Files.createDirectory(test.stagingPath().resolve("a"));
            test.unstage();
            // a root that is no folder takes a decision
            debugfs(test, "sif <2> mode 0100644");
            debugfs(test, "ssv state 2");

            refused(test::stage, Reason.DAMAGED, "RUN fsck MANUALLY");

            assertThat(test.mounts()).isEmpty();
            assertThat(test.loops()).isEmpty();
        }
    }

    /// 10
    @ParameterizedTest
    @EnumSource
    void aCopyIsStagedBesideItsSource(FileSystemType fileSystem) throws IOException {
        try (var source = TestVolume.of(folder, fileSystem)) {
            source.stage();
            Files.writeString(source.stagingPath().resolve("file"), "source");
            source.unstage();
            try (var copy = copy(source)) {
                source.stage();
                copy.stage();
                Files.writeString(copy.stagingPath().resolve("file"), "copy");

                assertThat(source.stagingPath().resolve("file")).hasContent("source");
                copy.unstage();
                assertThat(source.mounts()).hasSize(1);
                source.unstage();
                copy.stage();
                assertThat(copy.stagingPath().resolve("file")).hasContent("copy");
                copy.unstage();
            }
        }
    }

    /// 11
    @ParameterizedTest
    @EnumSource
    void aFileSystemSmallerThanItsDeviceIsGrownAtStage(FileSystemType fileSystem)
            throws IOException {
        try (var test = TestVolume.of(folder, fileSystem)) {
            test.stage();
            Files.writeString(test.stagingPath().resolve("file"), "kept");
            var before = total(test);
            test.unstage();
            test.grow(test.volume.capacityBytes() * 2);

            test.stage();

            assertThat(total(test)).isGreaterThan(before * 19 / 10);
            assertThat(test.stagingPath().resolve("file")).hasContent("kept");
            test.unstage();
        }
    }

    /// 13: what the kernel does not know either is an error, in its own words, and nothing stays.
    @Test
    void anOptionThatTheKernelRefusesLeavesNothingBehind() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.XFS)) {
            assertThatThrownBy(() -> test.stage(test.mounted("logbsize=77")))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("volume " + test.volume.id() + " can't be mounted")
                    .hasMessageContaining("invalid logbufsize: 77")
                    .hasMessageContaining("see whether its mount options [logbsize=77] are right");
            assertThat(test.mounts()).isEmpty();
            assertThat(test.loops()).isEmpty();
            refused(() -> test.stage(test.mounted("noatime,suid")), Reason.INVALID, "noatime,suid");
        }
    }

    /// 17
    @Test
    void unstagingWhatIsNotStagedSucceeds() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.unstage();
            test.staging().unstage("no-id-of-ours", test.stagingPath());
            test.staging().unstage("../../etc", Path.of("/no/such/folder"));
            test.staging().unstage(test.id().toString(), Path.of("some/path"));
            Files.createDirectory(test.stagingPath());
            test.unstage();
            assertThat(test.stagingPath()).isEmptyDirectory();
            test.stage();
            // deleted meanwhile, pool and all
            Files.delete(test.image());
            test.unstage();
            test.unstage();
            assertThat(test.mounts()).isEmpty();
            assertThat(test.loops()).isEmpty();
            assertThat(test.staging().staged(test.id(), test.stagingPath())).isFalse();
        }
    }

    /// 17
    @ParameterizedTest
    @EnumSource
    void aFrozenFileSystemIsThawedToUnstageIt(FileSystemType fileSystem) throws IOException {
        try (var test = TestVolume.of(folder, fileSystem)) {
            test.stage();
            Linux.freeze(test.stagingPath());
            test.unstage();
            assertThat(test.mounts()).isEmpty();
            assertThat(test.loops()).isEmpty();
        }
    }

    /// 17: success means that the superblock is gone too.
    @ParameterizedTest
    @EnumSource
    void aFileSystemThatSomebodyUnmountedFrozenIsThawedAndReleased(FileSystemType fileSystem)
            throws IOException {
        try (var test = TestVolume.of(folder, fileSystem)) {
            test.stage();
            Linux.freeze(test.stagingPath());
            Mounts.unmount(test.stagingPath());
            assertThat(LoopDevices.heldByAnother(test.loops().getFirst())).isTrue();

            test.unstage();

            assertThat(test.loops()).isEmpty();
            test.stage();
            Linux.freeze(test.stagingPath());
            Mounts.unmount(test.stagingPath());
            // and it can be staged again as it is
            test.stage();
            Files.writeString(test.stagingPath().resolve("file"), "not frozen");
            test.unstage();
        }
    }

    /// 17
    @Test
    void aVolumeThatIsStillPublishedIsNotUnstaged() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            test.publish("target", false);
            var before = test.mounts();
            refused(test::unstage, Reason.FAILED_PRECONDITION, test.target("target").toString());
            assertThat(test.mounts()).isEqualTo(before);
            test.unpublish("target");
            test.unstage();
        }
    }

    /// 21: every look into it is an I/O error.
    @Test
    void aFileSystemThatHasShutDownIsTakenAwayByWhatMountinfoSays() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.XFS)) {
            test.stage();
            test.publish("target", false);
            var shutdown = List.of("xfs_io", "-x", "-c", "shutdown", test.stagingPath().toString());
            Command.run(shutdown, Duration.ofSeconds(10));
            assertThatThrownBy(() -> Files.writeString(test.target("target").resolve("x"), "x"))
                    .isInstanceOf(IOException.class);
            var before = test.mounts();
            test.stage();
            test.publish("target", false);
            assertThat(test.mounts()).isEqualTo(before);
            test.unpublish("target");
            test.unstage();
            assertThat(test.loops()).isEmpty();
            test.stage();
            test.unstage();
        }
    }

    @Test
    void aBusyStagingPathIsAnErrorAndStaysMounted() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            try (var _ = Fd.open(test.stagingPath(), OpenFlags.O_RDONLY)) {
                assertThatThrownBy(test::unstage)
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("EBUSY");
                assertThat(test.mounts()).hasSize(1);
            }
            test.unstage();
        }
    }

    @Test
    void aVolumeStagedAtTwoPathsKeepsItsDeviceUntilTheLast() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            var second = test.target("second");
            var request = test.stageRequest(test.mounted(), AccessMode.SINGLE_NODE_WRITER, false);
            test.staging()
                    .stage(
                            new StageRequest(
                                    test.volume,
                                    request.attachment(),
                                    second,
                                    request.capability()));
            test.unstage();
            assertThat(test.mounts()).hasSize(1);
            assertThat(test.loops()).hasSize(1);
            test.staging().unstage(test.id().toString(), second);
            assertThat(test.loops()).isEmpty();
        }
    }

    /// 18
    @Test
    void aStagingPathThatIsASymlinkOrAFileIsRefused() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            var elsewhere = Files.createDirectory(test.target("elsewhere"));
            Files.createSymbolicLink(test.stagingPath(), elsewhere);
            refused(test::stage, Reason.FAILED_PRECONDITION, "not a folder");
            Files.delete(test.stagingPath());
            Files.writeString(test.stagingPath(), "precious");
            refused(test::stage, Reason.FAILED_PRECONDITION, "not a folder");
            assertThat(test.stagingPath()).hasContent("precious");
            assertThat(test.mounts()).isEmpty();
            assertThat(test.loops()).isEmpty();
        }
    }

    /// 25
    @ParameterizedTest
    @CsvSource({"EXT4", "XFS", "BTRFS"})
    void theRootKeepsItsOwnerSoThatFsGroupIsAppliedOnce(FileSystemType fileSystem)
            throws IOException {
        try (var test = TestVolume.of(folder, fileSystem)) {
            test.stage();
            test.publish("target", false);
            var chown = List.of("chown", "0:4711", test.target("target").toString());
            Command.run(chown, Duration.ofSeconds(5));
            Command.run(
                    List.of("chmod", "2775", test.target("target").toString()),
                    Duration.ofSeconds(5));
            test.unpublish("target");
            test.unstage();
            test.stage();
            test.publish("target", false);
            var root = Linux.stat(test.target("target"));
            assertThat(root.gid()).isEqualTo(4711);
            assertThat(root.mode() & 07777).isEqualTo(02775);
            Command.run(
                    List.of(
                            "setpriv",
                            "--reuid=4712",
                            "--regid=4711",
                            "--clear-groups",
                            // the way to the test's folder is open to root only
                            "--inh-caps=+dac_read_search",
                            "--ambient-caps=+dac_read_search",
                            "touch",
                            test.target("target").resolve("file").toString()),
                    Duration.ofSeconds(5));
            assertThat(Linux.stat(test.target("target").resolve("file")).gid()).isEqualTo(4711);
            test.unpublish("target");
            test.unstage();
        }
    }

    /// A copy of the volume as it is, under an id of its own.
    private TestVolume copy(TestVolume source) throws IOException {
        var copy =
                TestVolume.make(
                        folder,
                        source.volume.fileSystem(),
                        source.volume.capacityBytes(),
                        source.volume.blockSizeBytes());
        Files.copy(source.image(), copy.image(), StandardCopyOption.REPLACE_EXISTING);
        copy.state = new FormatState.Formatted(source.volume.fileSystem().orElseThrow());
        return copy;
    }

    /// What is left of `test` after a power failure with a file just synced.
    private TestVolume crash(TestVolume test) throws IOException {
        test.stage();
        var file = test.stagingPath().resolve("file");
        try (var fd = Fd.open(file, OpenFlags.O_RDWR | OpenFlags.O_CREAT, 0644)) {
            fd.write(ByteBuffer.wrap("synced".getBytes(US_ASCII)), 0);
            fd.fsync();
        }
        var crashed = copy(test);
        test.unstage();
        return crashed;
    }

    private static void debugfs(TestVolume test, String request) throws IOException {
        Command.run(
                List.of("debugfs", "-w", "-R", request, test.image().toString()),
                Duration.ofSeconds(10));
    }

    private static long total(TestVolume test) throws IOException {
        return new Stats(test.connectors()).stats(test.id(), test.stagingPath()).totalBytes();
    }
}
