package dev.stowage.linux;

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
}
