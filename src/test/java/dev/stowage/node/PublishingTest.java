package dev.stowage.node;

import static dev.stowage.node.filesystem.FormatTest.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.linux.MountTable;
import dev.stowage.linux.Mounts;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Failure cases 14 to 20, 22, 50.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class PublishingTest {
    @TempDir(factory = TestFolder.class)
    Path folder;

    /// 15
    @ParameterizedTest
    @EnumSource
    void publishedTwiceIsTheSameMountLineForLine(FileSystemType fileSystem) throws IOException {
        try (var test = TestVolume.of(folder, fileSystem)) {
            test.stage();
            var request =
                    test.publishRequest(
                            "target",
                            AccessMode.SINGLE_NODE_SINGLE_WRITER,
                            false,
                            "noatime",
                            "nodiratime",
                            "noexec");
            test.publishing().publish(request);
            Files.writeString(test.target("target").resolve("file"), "written");
            var before = test.mounts();

            test.publishing().publish(request);
            test.stage();

            assertThat(test.mounts()).isEqualTo(before).hasSize(2);
            assertThat(before.getLast().attributes())
                    .contains("rw", "nosuid", "nodev", "noexec", "noatime");
            assertThat(test.stagingPath().resolve("file")).hasContent("written");
            test.unpublish("target");
            assertThat(test.target("target")).doesNotExist();
            test.unpublish("target");
            test.unstage();
        }
    }

    /// 14
    @Test
    void aVolumeThatIsNotStagedIsNeverPublishedFromAPlainFolder() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4);
                var other = TestVolume.of(folder, FileSystemType.EXT4)) {
            refused(() -> test.publish("t", false), Reason.FAILED_PRECONDITION, "stage it first");
            Files.createDirectory(test.stagingPath());
            refused(() -> test.publish("t", false), Reason.FAILED_PRECONDITION, "stage it first");
            other.stage();
            var request = test.publishRequest("t", AccessMode.SINGLE_NODE_WRITER, false);
            refused(
                    () ->
                            test.publishing()
                                    .publish(
                                            new PublishRequest(
                                                    test.id(),
                                                    request.attachment(),
                                                    other.stagingPath(),
                                                    request.targetPath(),
                                                    request.capability(),
                                                    false)),
                    Reason.FAILED_PRECONDITION,
                    "stage it first");
            assertThat(test.target("t")).doesNotExist();
            other.unstage();
        }
    }

    /// 22
    @Test
    void aReadOnlyTargetRefusesWritesAndItsStagingDoesNot() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            test.publish("target", true);
            assertThatThrownBy(() -> Files.writeString(test.target("target").resolve("x"), "x"))
                    .hasMessageContaining("Read-only");
            assertThat(test.mounts().getLast().readOnly()).isTrue();
            Files.writeString(test.stagingPath().resolve("x"), "x");
            refused(() -> test.publish("target", false), Reason.ALREADY_EXISTS, "attributes");
            test.publish("target", true);
            test.unpublish("target");
            test.unstage();
        }
    }

    /// 50
    @ParameterizedTest
    @EnumSource
    void theSpecificationsTableForARepeatedPublishHolds(AccessMode mode) throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            test.publishing().publish(test.publishRequest("one", mode, true));
            test.publishing().publish(test.publishRequest("one", mode, true));
            refused(
                    () ->
                            test.publishing()
                                    .publish(test.publishRequest("one", mode, true, "noexec")),
                    Reason.ALREADY_EXISTS,
                    "one");
            var several =
                    Set.of(
                            AccessMode.SINGLE_NODE_MULTI_WRITER,
                            AccessMode.MULTI_NODE_READER_ONLY,
                            AccessMode.MULTI_NODE_SINGLE_WRITER,
                            AccessMode.MULTI_NODE_MULTI_WRITER);
            for (var readOnly : new boolean[] {true, false}) {
                var second = test.publishRequest("two", mode, readOnly);
                if (several.contains(mode)) {
                    test.publishing().publish(second);
                    test.unpublish("two");
                } else {
                    refused(
                            () -> test.publishing().publish(second),
                            Reason.FAILED_PRECONDITION,
                            test.target("one").toString());
                    assertThat(test.target("two")).doesNotExist();
                }
            }
            test.unpublish("one");
            test.unstage();
        }
    }

    /// 16
    @Test
    void racesOnATargetEndWithOneMountOrNone() throws Exception {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4);
                var threads = Executors.newFixedThreadPool(4)) {
            test.stage();
            for (var round = 0; round < 40; round++) {
                var calls = new ArrayList<Callable<Boolean>>();
                for (var i = 0; i < 4; i++) {
                    var unpublish = i == 3 && round % 2 == 1;
                    calls.add(
                            () -> {
                                if (unpublish) {
                                    test.unpublish("target");
                                } else {
                                    test.publish("target", false);
                                }
                                return unpublish;
                            });
                }
                var failures = new ArrayList<Throwable>();
                for (Future<Boolean> done : threads.invokeAll(calls)) {
                    if (done.state() == Future.State.FAILED) {
                        failures.add(done.exceptionNow());
                    }
                }
                assertThat(MountTable.read().at(test.target("target")))
                        .as("mounts after round %d, failures %s", round, failures)
                        .hasSizeLessThanOrEqualTo(1);
                test.unpublish("target");
                assertThat(MountTable.read().at(test.target("target"))).isEmpty();
            }
            test.unstage();
        }
    }

    /// 18
    @Test
    void aTargetThatIsSomethingElseIsNeitherFollowedNorTouched() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            var target = test.target("target");
            var elsewhere = Files.createDirectory(test.target("elsewhere"));
            Files.createSymbolicLink(target, elsewhere);
            refused(
                    () -> test.publish("target", false),
                    Reason.FAILED_PRECONDITION,
                    "not a folder");
            test.unpublish("target");
            assertThat(target).isSymbolicLink();
            Files.delete(target);
            Files.writeString(target, "precious");
            refused(
                    () -> test.publish("target", false),
                    Reason.FAILED_PRECONDITION,
                    "not a folder");
            test.unpublish("target");
            assertThat(target).hasContent("precious");
            Files.delete(target);
            Files.createDirectory(target);
            Files.writeString(target.resolve("file"), "precious");
            refused(
                    () -> test.publish("target", false),
                    Reason.FAILED_PRECONDITION,
                    "something in");
            test.unpublish("target");
            assertThat(target.resolve("file")).hasContent("precious");
            assertThat(test.mounts()).hasSize(1);
            Files.delete(target.resolve("file"));
            test.publish("target", false);
            test.unpublish("target");
            test.unstage();
        }
    }

    /// 19
    @Test
    void aBusyTargetIsAnErrorAndStays() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            test.publish("target", false);
            try (var _ = Fd.open(test.target("target"), OpenFlags.O_RDONLY)) {
                assertThatThrownBy(() -> test.unpublish("target"))
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("EBUSY");
            }
            assertThat(test.mounts()).hasSize(2);
            test.unpublish("target");
            test.unstage();
        }
    }

    @Test
    @DisplayName("75: nothing is published below a file, so there is nothing to unpublish")
    void nothingIsPublishedWhereNothingCanBeMounted() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            Files.writeString(test.target("file"), "precious");
            Files.createSymbolicLink(test.target("link"), test.target("file"));
            Files.createSymbolicLink(test.target("circle"), test.target("circle"));
            test.stage();
            for (var target :
                    List.of(
                            "file/target",
                            "file/a/target",
                            "link/target",
                            "circle/target",
                            "x".repeat(300) + "/target",
                            "x".repeat(300))) {
                test.unpublish(target);
                test.staging().unstage(test.id().toString(), test.target(target));
                refused(() -> test.publish(target, false), Reason.FAILED_PRECONDITION, "folder");
            }
            assertThat(test.target("file")).hasContent("precious");
            assertThat(test.mounts()).hasSize(1);
            test.unstage();
        }
    }

    /// 17, 19
    @Test
    void unpublishTakesOnlyItsOwnTargetAway() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4);
                var other = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.unpublish("never");
            test.publishing().unpublish("no-id-of-ours", test.target("never"));
            test.publishing().unpublish("", Path.of("/no/such/folder/target"));
            test.stage();
            other.stage();
            test.publish("target", false);
            refused(
                    () ->
                            other.publishing()
                                    .unpublish(other.id().toString(), test.target("target")),
                    Reason.FAILED_PRECONDITION,
                    "left alone: unmount it (umount ");
            refused(
                    () -> test.publishing().unpublish(test.id().toString(), test.stagingPath()),
                    Reason.FAILED_PRECONDITION,
                    "left alone: unmount it (umount ");
            assertThat(test.mounts()).hasSize(2);
            // a volume deleted meanwhile
            Files.delete(test.image());
            test.unpublish("target");
            test.unstage();
            other.unstage();
        }
    }

    @Test
    void whatSomebodyElseMountedAtTheTargetIsLeftAlone() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            var target = Files.createDirectory(test.target("target"));
            Mounts.mount("tmpfs", "tmpfs", target, Set.of(), List.of());
            refused(() -> test.publish("target", false), Reason.ALREADY_EXISTS, "tmpfs");
            refused(
                    () -> test.unpublish("target"),
                    Reason.FAILED_PRECONDITION,
                    "left alone: unmount it (umount ");
            assertThat(MountTable.read().at(target)).hasSize(1);
            Mounts.unmount(target);
            test.unstage();
        }
    }

    /// 36, killed after making the target and before the mount
    @Test
    void anEmptyTargetThatAKilledPublishLeftIsUsedOrRemoved() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            Files.createDirectory(test.target("target"));
            test.publish("target", false);
            test.unpublish("target");
            Files.createDirectory(test.target("target"));
            test.unpublish("target");
            assertThat(test.target("target")).doesNotExist();
            test.unstage();
        }
    }

    @Test
    void theTargetsFolderMustExist() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            refused(
                    () -> test.publish("no/such/target", false),
                    Reason.FAILED_PRECONDITION,
                    "does not exist");
            Files.createSymbolicLink(
                    test.target("link"), Files.createDirectory(test.target("real")));
            test.publish("link/target", false);
            assertThat(MountTable.read().at(test.target("real/target"))).hasSize(1);
            test.publish("link/target", false);
            assertThat(Linux.stat(test.target("link/target")).isFolder()).isTrue();
            test.unpublish("link/target");
            assertThat(test.mounts()).hasSize(1);
            test.unstage();
        }
    }
}
