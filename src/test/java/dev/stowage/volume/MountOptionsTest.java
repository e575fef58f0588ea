package dev.stowage.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Failure case 13.
class MountOptionsTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "noatime ",
                "noatime,suid",
                ",suid",
                "suid",
                "dev",
                "bind",
                "rbind",
                "move",
                "remount",
                "shared",
                "loop",
                "commit=5,suid",
                "commit=-1",
                "commit=",
                "data=ordered\nsuid",
                "errors=panic",
                "nobarrier",
                "barrier=0",
                "noload",
                "norecovery",
                "journal_path=/dev/vda",
                "journal_dev=254:0",
                "logdev=/dev/vda",
                "rtdev=/dev/vda",
                "device=/dev/vda",
                "subvol=other",
                "degraded",
                "x-systemd.automount,suid",
                "x-systemd.",
                "x-systemd.requires=a b",
                "x-mount.mkdir",
                "X-mount.subdir=..",
                "comment=a b",
                "comment=a,suid",
                "comments",
                "x-",
                "user",
                "users",
                "owner",
                "mand",
                "noacl",
                "nouser_xattr",
                "noblock_validity",
                "nospace_cache",
                "usrquota",
                "barrier=2",
                "acl=1",
                "context=a,suid",
                "context=\"a\",suid",
                "context=\"a\"b\"",
                "context=\"\"",
                "fscontext=\"a\"",
                "usrjquota=/etc/passwd",
                "sb=32768",
                "ro\u0000",
                "RO"
            })
    void anOptionThatIsNotKnownToBeSafeIsRefusedByName(String option) {
        for (var fileSystem : FileSystemType.values()) {
            assertThatThrownBy(() -> MountOptions.parse(fileSystem, List.of("noatime", option)))
                    .isInstanceOfSatisfying(
                            VolumeException.class,
                            e -> assertThat(e.reason()).isEqualTo(Reason.INVALID))
                    .hasMessageContaining(Printable.of(option))
                    .hasMessageContaining("noexec");
        }
    }

    @ParameterizedTest
    @CsvSource({"EXT3,nodelalloc", "BTRFS,compress=zlib:10", "BTRFS,compress-force=zstd:16"})
    void whatTheKernelWouldRefuseOrChangeIsRefused(FileSystemType fileSystem, String option) {
        assertThatThrownBy(() -> MountOptions.parse(fileSystem, List.of(option)))
                .hasMessageContaining("'%s' is not known to be safe".formatted(option));
    }

    @ParameterizedTest
    @EnumSource
    void attributesOfTheMountAreKeptApartFromOptionsOfTheSuperblock(FileSystemType fileSystem) {
        var options =
                MountOptions.parse(
                        fileSystem,
                        List.of("defaults", "nosuid", "noatime", "noexec", "lazytime", "discard"));

        assertThat(options.attributes()).containsExactlyInAnyOrder("noatime", "noexec");
        assertThat(options.superblock()).containsExactlyInAnyOrder("lazytime", "discard");
        assertThat(options.readOnly()).isFalse();
    }

    @Test
    void theKubeletsSelinuxContextIsUnquotedAndPassedWhole() {
        var options =
                MountOptions.parse(
                        FileSystemType.XFS,
                        List.of("context=\"system_u:object_r:container_file_t:s0:c1,c22\""));

        assertThat(options.superblock())
                .containsExactly("context=system_u:object_r:container_file_t:s0:c1,c22");
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName(
            "75: what holds anyway, and what is for fstab alone, is accepted and not passed on")
    void whatHoldsAnywayIsAcceptedAndNotPassedOn(FileSystemType fileSystem) {
        var options =
                MountOptions.parse(
                        fileSystem,
                        List.of(
                                "defaults",
                                "rw",
                                "auto",
                                "nofail",
                                "_netdev",
                                "nouser",
                                "acl",
                                "user_xattr",
                                "noquota",
                                "barrier",
                                "barrier=1",
                                "x-systemd.automount",
                                "x-systemd.device-timeout=10s",
                                "x-systemd.requires=/mnt/a@b.mount",
                                "comment=systemd.automount",
                                "x-initrd.mount",
                                "x-gvfs-show",
                                "x-gvfs-name=My%20Disk"));

        assertThat(options).isEqualTo(MountOptions.none(fileSystem));
    }

    @Test
    @DisplayName("75: and what it contradicts is refused in the words of whoever asked")
    void whatContradictsWhatHoldsAnywayIsRefused() {
        assertThatThrownBy(
                        () ->
                                MountOptions.parse(
                                        FileSystemType.XFS, List.of("noquota", "prjquota")))
                .hasMessageContaining("'noquota' and 'prjquota' contradict each other");
        assertThatThrownBy(
                        () ->
                                MountOptions.parse(
                                        FileSystemType.EXT4, List.of("bsdgroups", "sysvgroups")))
                .hasMessageContaining("'bsdgroups' and 'sysvgroups' contradict each other");
    }

    @Test
    void optionsThatContradictEachOtherAreRefused() {
        for (var pair :
                List.of(
                        List.of("ro", "rw"),
                        List.of("noatime", "strictatime"),
                        List.of("exec", "noexec"),
                        List.of("discard", "nodiscard"),
                        List.of("commit=5", "commit=6"))) {
            assertThatThrownBy(() -> MountOptions.parse(FileSystemType.EXT4, pair))
                    .hasMessageContaining(pair.get(0))
                    .hasMessageContaining(pair.get(1));
        }
        assertThat(MountOptions.parse(FileSystemType.EXT4, List.of("ro", "ro")).readOnly())
                .isTrue();
    }

    @Test
    void whatTheKernelShowsIsComparedByMeaningAndNotByLetter() {
        var ext4 = MountOptions.parse(FileSystemType.EXT4, List.of("commit=5", "data=ordered"));
        assertThat(ext4.sameSuperblock(List.of("rw"))).isTrue();
        assertThat(ext4.sameSuperblock(List.of("rw", "commit=30"))).isFalse();
        assertThat(ext4.sameSuperblock(List.of("rw", "discard"))).isFalse();
        assertThat(ext4.sameSuperblock(List.of("rw", "nodelalloc"))).isFalse();
        assertThat(ext4.sameSuperblock(List.of("rw", "nodelalloc", "data=journal"))).isFalse();
        var xfs = MountOptions.parse(FileSystemType.XFS, List.of("allocsize=1m"));
        assertThat(
                        xfs.sameSuperblock(
                                List.of("rw", "attr2", "inode64", "allocsize=1024k", "logbufs=8")))
                .isTrue();
        assertThat(xfs.sameSuperblock(List.of("rw", "inode64"))).isFalse();
        var btrfs = MountOptions.parse(FileSystemType.BTRFS, List.of("compress=zstd"));
        assertThat(btrfs.sameSuperblock(List.of("rw", "compress=zstd:3", "ssd", "discard=async")))
                .isTrue();
        assertThat(btrfs.sameSuperblock(List.of("rw", "compress-force=zstd:3"))).isFalse();
        assertThat(btrfs.sameSuperblock(List.of("rw", "nodatasum", "nodatacow"))).isFalse();
        var labelled =
                MountOptions.parse(FileSystemType.EXT4, List.of("context=\"a:b:c:s0:c1,c2\""));
        assertThat(labelled.sameSuperblock(List.of("rw", "context=\"a:b:c:s0:c1,c2\""))).isTrue();
        assertThat(labelled.sameSuperblock(List.of("rw"))).isFalse();
    }
}
