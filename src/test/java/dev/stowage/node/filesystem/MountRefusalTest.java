package dev.stowage.node.filesystem;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.volume.FileSystemType;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MountRefusalTest {
    /// As the kernel put them on Linux 6.18, for an ext4 on a full btrfs and an xfs on a full xfs.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "/dev/loop4 as ext4): EIO: critical space allocation error, dev loop4, sector 2048",
                "/dev/loop4 as xfs): log recovery write I/O error at daddr 0x20 len 4096 error -28"
            })
    @DisplayName("64: a mount that needs space on a full disk says so")
    void aFullDiskBelowIsNamed(String words) {
        var refusal = new ErrnoException("fsconfig", words, Errno.EIO);
        assertThat(MountRefusal.nextStep(FileSystemType.EXT4, refusal))
                .contains("is full", "delete volumes")
                .doesNotContain("fsck");
    }

    @Test
    void whatMayBeDamagedIsToBeRepaired() {
        var refusal = new ErrnoException("fsconfig", "/dev/loop4 as ext4", Errno.EUCLEAN);
        assertThat(MountRefusal.nextStep(FileSystemType.EXT4, refusal)).contains("fsck.ext4 -f");
    }
}
