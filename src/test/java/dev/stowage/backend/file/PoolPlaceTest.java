package dev.stowage.backend.file;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.linux.MountTable;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class PoolPlaceTest {
    private static final String ROOT =
            "1021 817 0:92 / / rw,relatime master:326 - overlay overlay rw,lowerdir=/var/lib/containers";

    /// The host's root disk, of which a folder was handed in.
    private static final String PART =
            "1030 1021 254:0 /mnt/ssd /mnt/ssd rw,relatime master:1 - ext4 /dev/vda rw";

    private static final String DISK =
            "1031 1030 8:16 / /mnt/ssd/stowage rw,relatime master:9 - xfs /dev/sdb rw";

    private static final String SUBVOLUME =
            "1032 1021 0:40 /@ssd /mnt/ssd rw,relatime master:9 - btrfs /dev/sdb rw,subvol=/@ssd";

    @Test
    void inAContainerAFolderOfTheHostsRootIsNoDisk() {
        assertThat(isDisk(List.of(ROOT, PART), true)).isFalse();
        assertThat(isDisk(List.of(ROOT, PART, DISK), true)).isTrue();
        assertThat(isDisk(List.of(ROOT, SUBVOLUME), true)).isTrue();
        assertThat(isDisk(List.of(ROOT), true)).isFalse();
    }

    /// There a folder of another disk may be bound somewhere, and the root's own is known by its
    /// number.
    @Test
    void onTheHostItselfAPartOfADiskIsADisk() {
        assertThat(isDisk(List.of(ROOT, PART), false)).isTrue();
        assertThat(isDisk(List.of(ROOT), false)).isFalse();
    }

    private static boolean isDisk(List<String> mountinfo, boolean inContainer) {
        var mounts = MountTable.parse(String.join("\n", mountinfo).getBytes(UTF_8));
        return PoolPlace.isDisk(mounts, Path.of("/mnt/ssd/stowage"), inContainer);
    }
}
