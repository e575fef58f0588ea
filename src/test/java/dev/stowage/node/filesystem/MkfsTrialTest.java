package dev.stowage.node.filesystem;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.testing.TestFolder;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Failure case 68, without root and without a pool.
class MkfsTrialTest {
    private static final long GIB = 1L << 30;
    private static final List<String> NO_EXTENTS = List.of("-O", "^extent");

    @TempDir(factory = TestFolder.class)
    Path folder;

    @Test
    void whatMkfsRefusesIsRefusedEachTimeAndNothingIsLeft() throws Exception {
        var trial = new MkfsTrial(folder);
        for (var tries = 0; tries < 2; tries++) {
            assertThatThrownBy(() -> trial.require(FileSystemType.EXT4, NO_EXTENTS, GIB))
                    .isInstanceOfSatisfying(
                            VolumeException.class,
                            e -> assertThat(e.reason()).isEqualTo(Reason.INVALID))
                    .hasMessageContaining("Extents MUST be enabled")
                    .hasMessageNotContaining(folder.toString());
        }
        trial.require(FileSystemType.EXT4, List.of("-m", "0"), GIB);
        trial.require(FileSystemType.XFS, List.of("-m", "reflink=0"), GIB);
        trial.require(FileSystemType.BTRFS, List.of("-m", "single"), GIB);
        try (var left = Files.list(folder)) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void aSizeThatTheFolderHasNoFileForIsTriedWithLess() {
        var trial = new MkfsTrial(folder);
        var bytes = 1L << 60;
        assertThatThrownBy(() -> trial.require(FileSystemType.EXT4, NO_EXTENTS, bytes))
                .hasMessageContaining("a volume of " + bytes + " bytes");
    }

    @Test
    void whatCanNotBeTriedIsGranted() {
        var trial = new MkfsTrial(folder.resolve("missing"));
        assertThatCode(() -> trial.require(FileSystemType.EXT4, NO_EXTENTS, GIB))
                .doesNotThrowAnyException();
    }

    @Test
    void whatPassedOnceIsNotTriedAgain() throws Exception {
        var trial = new MkfsTrial(folder);
        trial.require(FileSystemType.EXT4, List.of("-m", "0"), GIB);
        // A second trial would replace this file, whose name is that of each trial.
        var image = folder.resolve("stowage-mkfs-" + ProcessHandle.current().pid() + ".image");
        Files.writeString(image, "kept");
        trial.require(FileSystemType.EXT4, List.of("-m", "0"), GIB);
        assertThat(image).hasContent("kept");
        trial.require(FileSystemType.EXT4, List.of("-m", "1"), GIB);
        assertThat(image).doesNotExist();
    }
}
