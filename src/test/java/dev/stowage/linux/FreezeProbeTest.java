package dev.stowage.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.stowage.linux.Mounts.MountAttribute;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.LoopFileSystem.Kind;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Failure case 67.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
final class FreezeProbeTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    /// Options that a reconfiguration to the defaults would take away.
    static Stream<Arguments> mounts() {
        return Stream.of(
                arguments(Kind.EXT4, List.of("nodelalloc", "commit=17", "noauto_da_alloc")),
                arguments(Kind.EXT4, List.of("ro")),
                arguments(Kind.XFS, List.of("inode32", "allocsize=1m", "logbsize=64k", "nouuid")),
                arguments(Kind.XFS, List.of("ro")),
                arguments(Kind.BTRFS, List.of("compress=zstd:5", "commit=33", "nodatacow")),
                arguments(Kind.BTRFS, List.of("ro")));
    }

    @ParameterizedTest
    @MethodSource("mounts")
    void whetherItIsFrozenIsSeenAndNothingElseChanges(Kind kind, List<String> options)
            throws Exception {
        try (var disk = LoopFileSystem.make(folder, kind, kind.leastBytes())) {
            disk.unmount();
            Mounts.mount(
                    kind.type(),
                    disk.device().path().toString(),
                    disk.mountPoint(),
                    Set.of(MountAttribute.NOATIME, MountAttribute.NODEV),
                    options);
            var before = MountTable.read().at(disk.mountPoint());
            assertThat(FreezeProbe.frozen(disk.mountPoint())).isFalse();
            assertThat(MountTable.read().at(disk.mountPoint())).isEqualTo(before);
            if (!options.contains("ro")) {
                Files.writeString(disk.mountPoint().resolve("file"), "written");
                assertFrozenIsSeen(disk.mountPoint());
            }
            assertThat(MountTable.read().at(disk.mountPoint())).isEqualTo(before);
        }
    }

    private static void assertFrozenIsSeen(Path mountPoint) throws IOException {
        Linux.freeze(mountPoint);
        try {
            assertThat(FreezeProbe.frozen(mountPoint)).isTrue();
            try (var root = Fd.open(mountPoint, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY)) {
                assertThat(FreezeProbe.frozen(root)).isTrue();
            }
        } finally {
            Linux.thaw(mountPoint);
        }
        assertThat(FreezeProbe.frozen(mountPoint)).isFalse();
        Files.writeString(mountPoint.resolve("file"), "written again");
    }

    @Test
    void whatIsNotMountedIsAnError() {
        assertThatThrownBy(() -> FreezeProbe.frozen(folder)).hasMessageContaining("EINVAL");
    }

    @Test
    @DisplayName(
            "67: a program that hangs on a frozen file system is given up, and leaves no zombie")
    void aProgramThatAFreezeCatchesIsGivenUp() throws Exception {
        try (var disk = LoopFileSystem.make(folder, Kind.EXT4, Kind.EXT4.leastBytes())) {
            Linux.freeze(disk.mountPoint());
            var argv = List.of("touch", disk.mountPoint().resolve("file").toString());
            try {
                assertThatThrownBy(
                                () ->
                                        Command.run(
                                                argv,
                                                Duration.ofMinutes(10),
                                                Set.of(0),
                                                () -> FreezeProbe.frozen(disk.mountPoint())))
                        .isInstanceOfSatisfying(
                                CommandException.class,
                                e -> assertThat(e.exitCode()).isEqualTo(CommandException.HUNG));
                assertThat(children()).isEqualTo(1);
            } finally {
                Linux.thaw(disk.mountPoint());
            }
            Polling.await("waited for", PATIENCE, () -> children() == 0);
        }
    }

    private static long children() {
        return ProcessHandle.current().children().count();
    }

    @Test
    @DisplayName("67: what freezes between the look and the growth does not hang this process")
    void aGrowthOfAFrozenFileSystemIsRefused() throws Exception {
        try (var disk = LoopFileSystem.make(folder, Kind.XFS, Kind.XFS.leastBytes())) {
            Linux.freeze(disk.mountPoint());
            try {
                assertThatThrownBy(() -> FileSystemGrowth.xfs(disk.mountPoint()))
                        .isInstanceOf(FrozenException.class)
                        .hasMessageContaining("fsfreeze -u " + disk.mountPoint());
            } finally {
                Linux.thaw(disk.mountPoint());
            }
        }
    }
}
