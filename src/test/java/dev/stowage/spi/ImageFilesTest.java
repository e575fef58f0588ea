package dev.stowage.spi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.volume.PoolId;
import dev.stowage.volume.SnapshotId;
import dev.stowage.volume.VolumeId;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImageFilesTest {
    private final PoolId pool = new PoolId("ssd", UUID.randomUUID());
    private final VolumeId id = VolumeId.of(pool, "v");
    private final String unique = id.poolTag() + ".v" + id.hash();

    /// Under the pool's name of old, in another container, from the root of a mount that is gone.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "/mnt/ssd/volumes/ssd.ID/image",
                "/volumes/ssd.ID/image",
                "/host/mnt/x y\n/volumes/old-name.ID/image"
            })
    void anImageIsKnownByTheEndOfItsPath(String path) {
        var file = path.replace("ID", unique);
        assertThat(ImageFiles.isImage(id, file)).isTrue();
        assertThat(ImageFiles.mayBeImage(id, file)).isTrue();
        var other = VolumeId.of(pool, "other");
        assertThat(ImageFiles.isImage(other, file)).isFalse();
        assertThat(ImageFiles.mayBeImage(other, file)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/mnt/ssd/.trash/ssd.ID.1234/image",
                "/mnt/ssd/volumes/ssd.ID/image.bak",
                "/mnt/ssd/volumes/ssd.ID/volume.json",
                "/backup/ssd.ID/image",
                ""
            })
    void whatOnlyNamesTheVolumeMayBeItsImage(String path) {
        var file = path.replace("ID", unique);
        assertThat(ImageFiles.isImage(id, file)).isFalse();
        assertThat(ImageFiles.mayBeImage(id, file)).isTrue();
    }

    @Test
    void aSnapshotOfTheSameNameIsSomethingElse() {
        var snapshot = SnapshotId.of(pool, "v");
        var file = "/mnt/ssd/volumes/" + id + "/image";
        assertThat(ImageFiles.mayBeImage(snapshot, file)).isFalse();
        assertThat(ImageFiles.isDeviceName(id, "stowage:0123abcd:" + unique + ":ro")).isTrue();
        assertThat(ImageFiles.isDeviceName(id, "other:" + unique)).isFalse();
    }
}
