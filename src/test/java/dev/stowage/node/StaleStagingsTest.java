package dev.stowage.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What the kubelet has forgotten to unstage.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class StaleStagingsTest {
    private static final Duration NONE = Duration.ZERO;

    @TempDir(factory = TestFolder.class)
    Path folder;

    @ParameterizedTest
    @EnumSource(FileSystemType.class)
    void anUnwantedVolumeInNobodysUseIsUnstaged(FileSystemType fileSystem) throws IOException {
        try (var test = TestVolume.of(folder, fileSystem)) {
            test.stage();
            look(test, _ -> true, NONE);
            assertThat(test.mounts()).isEmpty();
            assertThat(test.loops()).isEmpty();
            test.unstage();
        }
    }

    @Test
    void soIsARawBlockDevice() throws IOException {
        try (var test = TestVolume.block(folder)) {
            test.stage();
            look(test, _ -> true, NONE);
            assertThat(test.mounts()).isEmpty();
            assertThat(test.loops()).isEmpty();
        }
    }

    @Test
    void soIsOneWhoseUnstagingWasKilledAfterTheUnmount() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            var _ = test.attach();
            look(test, _ -> true, NONE);
            assertThat(test.loops()).isEmpty();
        }
    }

    @Test
    void aPublishedVolumeStays() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4);
                var raw = TestVolume.block(folder)) {
            for (var volume : new TestVolume[] {test, raw}) {
                volume.stage();
                volume.publish("target", true);
                look(volume, _ -> true, NONE);
                assertThat(volume.mounts()).hasSize(2);
                volume.unpublish("target");
                volume.unstage();
            }
        }
    }

    /// On a shared folder every node would read the records of all that its pods use.
    @Test
    void whetherAPublishedVolumeIsWantedIsNotAsked() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            test.publish("target", true);
            var asked = new ArrayList<VolumeId>();
            look(test, asked::add, NONE);
            assertThat(asked).isEmpty();
            test.unpublish("target");
            look(test, id -> !asked.add(id), NONE);
            assertThat(asked).containsExactly(test.id());
            test.unstage();
        }
    }

    @Test
    void oneThatIsWantedStays() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            look(test, _ -> false, NONE);
            assertThat(test.mounts()).hasSize(1);
            test.unstage();
        }
    }

    @Test
    void oneThatIsWantedAgainWhenItsTurnComesStays() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            var asked = new int[1];
            look(test, _ -> ++asked[0] == 1, NONE);
            assertThat(asked[0]).isEqualTo(2);
            assertThat(test.mounts()).hasSize(1);
            test.unstage();
        }
    }

    @Test
    void theKubeletHasItsTimeFirst() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            look(test, _ -> true, Duration.ofHours(1));
            assertThat(test.mounts()).hasSize(1);
            test.unstage();
        }
    }

    @Test
    void whatAProgramHoldsIsTriedAgainLater() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            var loop = test.attach();
            var forgotten = forgotten(test, _ -> true, NONE);
            try (var _ = Fd.open(loop.path(), OpenFlags.O_RDONLY | OpenFlags.O_EXCL)) {
                forgotten.giveBack(test.pool);
                assertThat(test.loops()).hasSize(1);
            }
            forgotten.giveBack(test.pool);
            assertThat(test.loops()).isEmpty();
        }
    }

    @Test
    void anotherPoolsVolumesAreNotLookedAt() throws IOException {
        try (var test = TestVolume.of(folder, FileSystemType.EXT4)) {
            test.stage();
            forgotten(test, _ -> true, NONE).giveBack(new PoolId("test", UUID.randomUUID()));
            assertThat(test.mounts()).hasSize(1);
            test.unstage();
        }
    }

    private static void look(TestVolume test, StaleStagings.Unwanted unwanted, Duration patience)
            throws IOException {
        forgotten(test, unwanted, patience).giveBack(test.pool);
    }

    private static StaleStagings forgotten(
            TestVolume test, StaleStagings.Unwanted unwanted, Duration patience) {
        return new StaleStagings(
                test.connectors(), test.staging(), unwanted, (_, work) -> work.run(), patience);
    }
}
