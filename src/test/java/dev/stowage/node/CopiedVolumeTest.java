package dev.stowage.node;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.FormatState;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// 10: copies of a volume that was in use, beside it on one node.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
final class CopiedVolumeTest {
    @TempDir(factory = TestFolder.class)
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    /// A copy of the staged volume, with a file in it that was just synced.
    private TestVolume copyOfStaged(TestVolume source) throws IOException {
        var file = source.stagingPath().resolve("file");
        try (var fd = Fd.open(file, OpenFlags.O_RDWR | OpenFlags.O_CREAT, 0644)) {
            fd.write(ByteBuffer.wrap("synced".getBytes(US_ASCII)), 0);
            fd.fsync();
        }
        var copy =
                TestVolume.make(
                        folder,
                        source.volume.fileSystem(),
                        source.volume.capacityBytes(),
                        source.volume.blockSizeBytes());
        Files.copy(source.image(), copy.image(), StandardCopyOption.REPLACE_EXISTING);
        copy.state = new FormatState.Copied();
        return copy;
    }

    @ParameterizedTest
    @EnumSource
    void aCopyIsReadBesideItsSourceWithoutAWriterBefore(FileSystemType fileSystem)
            throws IOException {
        try (var source = TestVolume.of(folder, fileSystem)) {
            source.stage();
            try (var copy = copyOfStaged(source)) {
                copy.stageReadOnly();
                assertThat(copy.stagingPath().resolve("file")).hasContent("synced");
                assertThat(copy.loops()).hasSize(1);
                assertThat(copy.loops().getFirst().readOnly()).isTrue();
                assertThat(copy.recorded).containsExactly(new FormatState.Formatted(fileSystem));
                copy.stageReadOnly();
                copy.unstage();
                copy.stage();
                assertThat(copy.stagingPath().resolve("file")).hasContent("synced");
                copy.unstage();
            }
            source.unstage();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aCopyIsWrittenBesideItsSourceAndIsThenAVolumeLikeAnyOther(FileSystemType fileSystem)
            throws IOException {
        try (var source = TestVolume.of(folder, fileSystem)) {
            source.stage();
            try (var copy = copyOfStaged(source)) {
                copy.stage();
                assertThat(copy.stagingPath().resolve("file")).hasContent("synced");
                Files.writeString(copy.stagingPath().resolve("file"), "changed");
                assertThat(source.stagingPath().resolve("file")).hasContent("synced");
                assertThat(copy.recorded).containsExactly(new FormatState.Formatted(fileSystem));
                copy.unstage();
            }
            source.unstage();
        }
    }
}
