package dev.stowage.node.filesystem;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.stowage.testing.TestFolder;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.MkfsOptions;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeSpec;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What CreateVolume grants, the mkfs of this machine can make.
class GrantedMkfsOptionsTest {
    private static final long MIB = 1L << 20;

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

    @ParameterizedTest
    @ValueSource(
            strings = {
                "xfs -d su=64k,sw=4",
                "xfs -d su=16m,sw=8",
                "xfs -d sunit=128,swidth=512",
                "xfs -d su=64k,sw=4 -l size=100m",
                "xfs -d su=64k,sw=4,agcount=16",
                "xfs -d agcount=2",
                "xfs -d agcount=8",
                "xfs -d agcount=64",
                "xfs -d agsize=65m",
                "xfs -d agsize=1g",
                "xfs -l size=64m",
                "xfs -l size=200m",
                "xfs -b size=1k -d su=64k,sw=4",
                "btrfs -d dup",
                "btrfs -d dup -n 64k",
                "btrfs -m dup",
                "ext4 -J size=8",
                "ext4 -J size=64",
                "ext4 -b 1024 -J size=128",
                "ext4 -J size=1024",
                "ext3 -J size=64",
            })
    void theSmallestVolumeWithOptionsForItsGeometryCanBeFormatted(String line) {
        var words = List.of(line.split(" "));
        assertThatCode(
                        () ->
                                format(
                                        FileSystemType.require(words.getFirst()),
                                        words.subList(1, words.size())))
                .doesNotThrowAnyException();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "xfs -d agcount=1",
                "xfs -d agsize=16m",
                "xfs -d agsize=64m",
                "xfs -d agsize=100m -l size=200m",
                "xfs -l size=32m",
                "xfs -l size=8192m",
                "xfs -i size=256",
                "xfs -d su=64k",
                "xfs -d agcount=4,sw=4",
                "xfs -d sunit=128",
                "xfs -d agcount=4,agsize=512m",
                "xfs -d su=64k,sw=4,sunit=128,swidth=512",
                "xfs -d su=64k,sw=2,swidth=256",
                "xfs -l su=64k,sunit=128",
                "ext4 -G 3",
                "ext4 -i 512",
                "ext4 -i 134217728",
            })
    void whatNoSizeMakesPossibleIsRefused(String line) {
        var words = List.of(line.split(" "));
        assertThatThrownBy(
                        () ->
                                granted(
                                        FileSystemType.require(words.getFirst()),
                                        words.subList(1, words.size()),
                                        CapacityRange.atLeast(1)))
                .isInstanceOfSatisfying(
                        VolumeException.class,
                        e -> assertThat(e.reason()).isEqualTo(Reason.INVALID))
                .hasMessageContaining(words.getLast());
    }

    @Test
    void aLimitBelowWhatTheOptionsNeedIsOutOfRangeAndSaysWhy() {
        assertThatThrownBy(
                        () ->
                                granted(
                                        FileSystemType.XFS,
                                        List.of("-d", "su=64k,sw=4"),
                                        new CapacityRange(300 * MIB, 400 * MIB)))
                .isInstanceOfSatisfying(
                        VolumeException.class,
                        e -> assertThat(e.reason()).isEqualTo(Reason.OUT_OF_RANGE))
                .hasMessageContaining("xfs with mkfsOptions '-d su=64k,sw=4' needs at least")
                .hasMessageContaining("419430400");
    }

    @Test
    void optionsForSomethingElseMakeNoVolumeLarger() {
        assertThat(
                        granted(
                                FileSystemType.XFS,
                                List.of("-m", "reflink=0", "-d", "agcount=4"),
                                CapacityRange.atLeast(1)))
                .isEqualTo(300 * MIB);
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
