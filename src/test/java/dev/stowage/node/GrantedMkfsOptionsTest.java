package dev.stowage.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.stowage.testing.TestFolder;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.MkfsOptions;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeSpec;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What CreateVolume grants, the mkfs of this machine can make.
class GrantedMkfsOptionsTest {
    @TempDir(factory = TestFolder.class)
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"-O", "--features"})
    void everyFeatureOfBtrfsCanBeHadAndLeftOut(String option) {
        for (var feature : knownFeatures(option)) {
            for (var asked : List.of(feature, "^" + feature)) {
                var options = List.of(option, asked);
                assertThatCode(() -> format(FileSystemType.BTRFS, options))
                        .as(asked)
                        .doesNotThrowAnyException();
            }
        }
    }

    /// As the refusal of any other feature lists them.
    private static List<String> knownFeatures(String option) {
        var refusal =
                catchThrowableOfType(
                        VolumeException.class,
                        () -> MkfsOptions.check(FileSystemType.BTRFS, List.of(option, "nonsense")));
        var list = refusal.getMessage().replaceFirst(".*give a list of (.*), each with.*", "$1");
        assertThat(list).contains("no-holes");
        return List.of(list.split(", "));
    }

    /// On a file of the smallest size that CreateVolume would give.
    private void format(FileSystemType fileSystem, List<String> options) throws IOException {
        var image = folder.resolve("image");
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(granted(fileSystem, options, CapacityRange.atLeast(1)));
        }
        new Mkfs().run(fileSystem, options, image, true);
        Files.delete(image);
    }

    private static long granted(
            FileSystemType fileSystem, List<String> options, CapacityRange capacity) {
        MkfsOptions.check(fileSystem, options);
        return new VolumeSpec(
                        "v",
                        capacity,
                        Optional.of(fileSystem),
                        options,
                        Provisioning.THIN,
                        VolumeSpec.DEFAULT_BLOCK_SIZE)
                .sizeBytes();
    }
}
