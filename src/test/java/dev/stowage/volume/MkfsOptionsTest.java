package dev.stowage.volume;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MkfsOptionsTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "ext4 -m 0 -i 65536 -E lazy_itable_init=0,stride=16 -O ^metadata_csum,64bit -J size=64",
                "ext3 -b 4096 -I 256 -T largefile",
                "xfs -m reflink=0,rmapbt=1 -i size=512,maxpct=25 -d agcount=8 -l size=64m -b size=4k",
                "btrfs -m single -n 16k --csum xxhash -O ^no-holes"
            })
    void knownOptionsPass(String line) {
        assertThatCode(() -> check(line)).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ext4 -F|-F",
                "ext4 -n|-n",
                "ext4 -L label|-L",
                "ext4 -U random|-U",
                "ext4 -m0|-m0",
                "ext4 -m 51|-m 51",
                "ext4 -m|lacks its value",
                "ext4 -E discard|discard",
                "ext4 -E offset=4096|offset",
                "ext4 -E stride=1,stride=2|stride",
                "ext4 -E nodiscard -E stride=1|twice",
                "ext4 -J device=/dev/vda|device",
                "ext4 -O journal_dev|journal_dev",
                "ext4 -O ^has_journal|has_journal",
                "ext4 -d /etc|-d",
                "ext4 -l /etc/passwd|-l",
                "ext4 /dev/vda|/dev/vda",
                "ext4 -- /dev/vda|--",
                "ext4 -G 3|-G 3",
                "xfs -d su=64k|su with sw",
                "xfs -d agcount=4,agsize=1g|agcount or agsize",
                "xfs -l logdev=/dev/vda|logdev",
                "xfs -l internal=0|internal",
                "xfs -d file,name=/x|file",
                "xfs -d name=/dev/vda|name",
                "xfs -p /etc/passwd|-p",
                "xfs -c options=/etc/x|-c",
                "xfs -r rtdev=/dev/vda|-r",
                "xfs -m uuid=6c0fae50-0000-4a00-8f1e-000000000001|uuid",
                "xfs -f|-f",
                "xfs -N|-N",
                "btrfs -f|-f",
                "btrfs -r /etc|-r",
                "btrfs --rootdir /etc|--rootdir",
                "btrfs -m raid1|raid1",
                "btrfs -U x|-U"
            })
    void anOptionThatIsNotKnownToBeSafeIsRefusedByName(String lineAndName) {
        var line = lineAndName.substring(0, lineAndName.lastIndexOf('|'));
        var name = lineAndName.substring(lineAndName.lastIndexOf('|') + 1);

        assertThatThrownBy(() -> check(line))
                .isInstanceOf(VolumeException.class)
                .hasMessageContaining(name);
    }

    private static void check(String line) {
        var words = List.of(line.split(" "));
        MkfsOptions.check(FileSystemType.require(words.getFirst()), words.subList(1, words.size()));
    }
}
