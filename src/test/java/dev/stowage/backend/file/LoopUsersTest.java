package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.linux.Command;
import dev.stowage.linux.Linux;
import dev.stowage.linux.LoopDevices;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.LoopFileSystem.Kind;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class LoopUsersTest {
    private static final long BYTES = 1 << 20;

    @TempDir(factory = TestFolder.class)
    private Path folder;

    @Test
    @DisplayName("65: a file that a device on a dead disk may have open is not imported")
    void aFileThatMayBeInUseIsNotImported() throws Exception {
        try (var disk = LoopFileSystem.make(folder, Kind.XFS, 300 << 20)) {
            var file = LoopFileSystem.sparseFile(disk.mountPoint().resolve("disk.img"), BYTES);
            var dead = LoopDevices.attach(file, "stowage-test:dead", 512, false);
            run("xfs_io", "-x", "-c", "shutdown", disk.mountPoint().toString());
            try {
                var here = Files.createDirectory(folder.resolve("here"));
                var same = LoopFileSystem.sparseFile(here.resolve("disk.img"), BYTES);
                assertThatThrownBy(() -> ImageContent.bytes(same))
                        .isInstanceOfSatisfying(
                                VolumeException.class,
                                e -> assertThat(e.reason()).isEqualTo(Reason.FAILED_PRECONDITION))
                        .hasMessageContaining(same.toString())
                        .hasMessageContaining("losetup -d " + dead.path());
                var other = LoopFileSystem.sparseFile(here.resolve("old-disk.img"), BYTES);
                assertThat(ImageContent.bytes(other)).isEqualTo(BYTES);
            } finally {
                run("losetup", "-d", dead.path().toString());
                disk.unmount();
            }
        }
    }

    @Test
    void aDeadDeviceOfOthersIsNotInTheWayOfAVolume() throws Exception {
        try (var disk = LoopFileSystem.make(folder, Kind.XFS, 300 << 20)) {
            var file = LoopFileSystem.sparseFile(disk.mountPoint().resolve("image"), BYTES);
            var dead = LoopDevices.attach(file, "stowage-test:dead", 512, false);
            run("xfs_io", "-x", "-c", "shutdown", disk.mountPoint().toString());
            try {
                var image = LoopFileSystem.sparseFile(folder.resolve("image"), BYTES);
                var id = VolumeId.of(new PoolId("ssd", UUID.randomUUID()), "v");
                assertThat(LoopUsers.of(id, Linux.stat(image).id())).isEmpty();
            } finally {
                run("losetup", "-d", dead.path().toString());
                disk.unmount();
            }
        }
    }

    private static void run(String... argv) throws Exception {
        var _ = Command.run(List.of(argv), Duration.ofSeconds(20));
    }
}
