package dev.stowage.linux;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class MountTableTest {
    @Test
    void everyLineOfTheKernelsTableIsUnderstood() throws IOException {
        assertThat(MountTable.read().mounts()).isNotEmpty();
        assertThat(MountTable.read().at(Path.of("/proc"))).isNotEmpty();
    }

    @Test
    void escapesAreBytesAndOptionalFieldsVaryInNumber() {
        var table =
                MountTable.parse(
                        ("36 35 98:0 /a\\040b /mnt/\\303\\244\\040\\134x rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue\n"
                                        + "37 35 7:12 / /mnt/b ro,nosuid - xfs /dev/loop12 ro,context=\"a:s0:c1,c2\"\n"
                                        + "38 35 7:12 / /mnt/b rw - xfs /dev/loop12 rw\n")
                                .getBytes(UTF_8));

        var first = table.mounts().getFirst();
        assertThat(first.root()).isEqualTo("/a b");
        assertThat(first.path()).isEqualTo("/mnt/\u00e4 \\x");
        assertThat(first.shared()).isTrue();
        assertThat(first.type()).isEqualTo("ext3");
        var two = table.at(Path.of("/mnt/b"));
        assertThat(two).extracting(MountPoint::id).containsExactly(37L, 38L);
        assertThat(two.getFirst().readOnly()).isTrue();
        assertThat(two.getFirst().shared()).isFalse();
        assertThat(two.getFirst().superblock()).containsExactly("ro", "context=\"a:s0:c1,c2\"");
    }

    /// Failure case 72: other people's mounts, whose names are any bytes but NUL.
    @Test
    void aNameThatIsNoUtf8IsEqualToItselfAlone() {
        var bytes =
                ("36 35 8:1 / / rw - ext4 /dev/sda1 rw\n"
                                + "37 36 8:2 /\u00fc /mnt/\u00fc rw - ext4 /dev/\u00fc rw,x=\u00fc\n"
                                + "38 36 8:3 / /mnt/\\012\u00e4\\040 rw - fuse.\u00fc \u00fc\\134 rw\n")
                        .getBytes(ISO_8859_1);
        var table = MountTable.parse(bytes);

        assertThat(table.mounts()).extracting(MountPoint::id).containsExactly(36L, 37L, 38L);
        var first = table.mounts().get(1);
        assertThat(first.hasUtf8Path()).isFalse();
        assertThat(first.path()).isEqualTo(MountTable.parse(bytes).mounts().get(1).path());
        assertThat(table.at(Path.of("/mnt/\u00fc"))).isEmpty();
        assertThat(table.at(Path.of("/mnt/\ufffd"))).isEmpty();
        assertThat(table.around(Path.of("/mnt/\ufffd/a")).orElseThrow().id()).isEqualTo(36);
    }

    @Test
    void aPathLiesInTheInnermostMountAndThereInTheOneOnTop() {
        var table =
                MountTable.parse(
                        ("36 35 8:1 / / rw - ext4 /dev/sda1 rw\n"
                                        + "37 39 8:2 / /mnt/b rw - ext4 /dev/sdb rw\n"
                                        + "38 37 8:3 / /mnt/b rw - xfs /dev/sdc rw\n"
                                        + "39 36 8:4 / /mnt rw - ext4 /dev/sdd rw\n"
                                        + "40 36 8:5 / /mnt/bc rw - ext4 /dev/sde rw\n")
                                .getBytes(UTF_8));

        assertThat(table.around(Path.of("/mnt/b/c")).orElseThrow().id()).isEqualTo(38);
        assertThat(table.around(Path.of("/mnt/b")).orElseThrow().id()).isEqualTo(38);
        assertThat(table.around(Path.of("/home")).orElseThrow().id()).isEqualTo(36);
    }
}
