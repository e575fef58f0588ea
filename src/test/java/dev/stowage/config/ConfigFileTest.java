package dev.stowage.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Provisioning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigFileTest {
    private static final String POOL = "pools: {ssd: {type: file, path: /srv/ssd}}\n";

    @TempDir private Path folder;

    @Test
    void whatIsLeftOutHasADefault() throws IOException {
        var config = read("attach: false\n" + POOL);
        assertThat(config.driver()).isEqualTo("csi.stowage.dev");
        assertThat(config.state()).isEqualTo(Path.of("/var/lib/stowage"));
        assertThat(config.defaultPool()).contains("ssd");
        var pool = config.pools().values().iterator().next();
        assertThat(pool.filesystem()).isEqualTo(FileSystemType.EXT4);
        assertThat(pool.provisioning()).isEqualTo(Provisioning.THICK);
        assertThat(pool.overcommit()).isEqualTo(1.0);
    }

    @Test
    void everyKeyIsRead() throws IOException {
        var config =
                read(
                        """
                        driver: disks.example.org
                        attach: true
                        state: /var/lib/other
                        defaultPool: hdd
                        maxVolumesPerNode: 7
                        cgroup: /sys/fs/cgroup/kubepods
                        pools:
                          ssd: {type: file, path: /srv/ssd, filesystem: xfs, shared: true}
                          hdd:
                            type: file
                            path: /srv/hdd
                            provisioning: thin
                            overcommit: 2.5
                            requireMount: true
                            shared: true
                            ephemeral: true
                        """);
        assertThat(config.driver()).isEqualTo("disks.example.org");
        assertThat(config.attach()).isTrue();
        assertThat(config.maxVolumesPerNode()).isEqualTo(7);
        assertThat(config.cgroup()).contains(Path.of("/sys/fs/cgroup/kubepods"));
        assertThat(config.defaultPool()).contains("hdd");
        assertThat(config.pools().get("hdd"))
                .isEqualTo(
                        new Config.PoolConfig(
                                "file",
                                Path.of("/srv/hdd"),
                                FileSystemType.EXT4,
                                Provisioning.THIN,
                                2.5,
                                true,
                                true,
                                true));
    }

    @Test
    void anUnknownKeyIsNamedWithItsLineAndTheNearestKnownOne() {
        assertThatThrownBy(
                        () ->
                                read(
                                        "attach: false\npools:\n  ssd: {type: file, path: /srv/ssd,\n    overcomit: 2}\n"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining(
                        "stowage.yaml, line 4: unknown key 'overcomit': did you mean 'overcommit'?");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "attach: false | no pools",
                "attach: false; pools: {} | no pools",
                "pools: {ssd: {type: file, path: /srv/ssd}} | attach",
                "attach: false; pools: {SSD: {type: file, path: /srv/ssd}} | 'SSD' is not valid",
                "attach: false; pools: {ssd: } | pool ssd is empty",
                "attach: false; pools: {ssd: {path: /srv/ssd}} | type 'null': use file",
                "attach: false; pools: {ssd: {type: zfs, path: /srv/ssd}} | type 'zfs': use file",
                "attach: false; pools: {ssd: {type: file, path: srv/ssd}} | absolute path, not 'srv/ssd'",
                "attach: false; pools: {ssd: {type: file, path: /srv/ssd, filesystem: zfs}} | use one of ext4, ext3, xfs, btrfs",
                "attach: false; pools: {ssd: {type: file, path: /srv/ssd, provisioning: fat}} | use thick or thin",
                "attach: false; pools: {ssd: {type: file, path: /srv/ssd, overcommit: 0.5}} | use 1.0 or more",
                "attach: false; pools: {ssd: {type: file, path: /srv/ssd, shared: true}} | set attach: true",
                "attach: true; pools: {ssd: {type: file, path: /srv/ssd}} | set shared: true",
                "attach: false; defaultPool: hdd; pools: {ssd: {type: file, path: /srv/ssd}} | not one of the pools [ssd]",
                "attach: false; driver: -x; pools: {ssd: {type: file, path: /srv/ssd}} | driver '-x' is not a valid name",
                "attach: false; attach: true; pools: {ssd: {type: file, path: /srv/ssd}} | Duplicate",
                "attach: false; pools: {a: {type: file, path: /srv/a}, b: {type: file, path: /srv/./a}} | pools a and b have the same path",
                "attach: false; pools: {a: {type: file, path: /srv/a}, b: {type: file, path: /srv/a/volumes}} | pools.b.path /srv/a/volumes is inside pools.a.path /srv/a: give each a folder of its own",
                "attach: false; pools: {a: {type: file, path: /srv/b/c/d}, b: {type: file, path: /srv/b}} | pools.a.path /srv/b/c/d is inside pools.b.path /srv/b: give each a folder of its own",
                "attach: false; state: /srv/a; pools: {a: {type: file, path: /srv/a}} | line 2: state /srv/a is the folder pools.a.path /srv/a or inside it: give the driver's state a folder outside the pools",
                "attach: false; state: /srv/a/state; pools: {a: {type: file, path: /srv/a}} | line 2: state /srv/a/state is the folder pools.a.path /srv/a or inside it",
                "attach: false; pools: {a: {type: file, path: /var/lib}} | state /var/lib/stowage is the folder pools.a.path /var/lib or inside it",
                "attach: false; cgroup: kubepods; pools: {ssd: {type: file, path: /srv/ssd}} | use an absolute path",
                "attach: false; maxVolumesPerNode: 0; pools: {ssd: {type: file, path: /srv/ssd}} | use a positive number",
                "attach: [ | stowage.yaml",
            })
    void whatCanNotBeUsedIsRefusedWithARemedy(String yaml, String message) {
        assertThatThrownBy(() -> read(yaml.replace("; ", "\n")))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("stowage.yaml")
                .hasMessageContaining(message);
    }

    /// Failure case 74. After `; ` a new line begins.
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`', // quotes are YAML's here
            value = {
                "attach: false; POOLS; --- | line 3: a second document",
                "attach: false; POOLS; ---; state: /srv/state | line 4: a second document",
                "attach: false; POOLS; ...; attach: true | line 4",
                "attach: false; POOLS; state: | line 3: state is without a value",
                "attach: false; POOLS; state: ~ | line 3: state is without a value",
                "attach: false; POOLS; state: /srv;   /state | line 3: state goes over several lines: write it on one line",
                "attach: false; POOLS; state: '/srv;   /state' | line 3: state goes over several lines",
                "attach: false; POOLS; state: \"/srv;   /state\" | line 3: state goes over several lines",
                "attach: false; POOLS; state: >-;   /srv;   /state | line 3: state goes over several lines",
                "attach: false; pools: !foo {ssd: {type: file, path: /srv/ssd}} | line 2: pools is a map of the type !foo: leave out the tag",
                "attach: false; pools: {ssd: !x {type: file, path: /srv/ssd}} | line 2: pools.ssd is a map of the type !x: leave out the tag",
                "!c {attach: false} | line 1: the configuration is a map of the type !c: leave out the tag",
                "attach: false; POOLS; state: '' | line 3: state is '': use an absolute path",
                "attach: false; POOLS; state: var/lib/stowage | line 3: state is 'var/lib/stowage': use an absolute path",
                "attach: false; POOLS; state: ~/stowage | line 3: state is '~/stowage': use an absolute path",
                "attach: false; POOLS; state: /srv/../etc | line 3: state is '/srv/../etc': use an absolute path without '..'",
                "attach: false; POOLS; state: / | line 3: state is '/': use an absolute path below the root",
                "attach: false; POOLS; state: //./ | line 3: state is '//./': use an absolute path below the root",
                "attach: false; POOLS; state: [/srv/state] | line 3: state is a list",
                "attach: false; POOLS; state: {path: /srv} | line 3: state is a map",
                "attach: false; POOLS; state: \"/srv/a\\0b\" | line 3: state has control characters",
                "attach: false; POOLS; state: \"/srv/a\\nb\" | line 3: state has control characters",
                "attach: false; POOLS; cgroup: /sys/fs/cgroup/../x | line 3: cgroup is '/sys/fs/cgroup/../x': use an absolute path without '..'",
                "attach: false; POOLS; cgroup: '' | line 3: cgroup is '': use an absolute path",
                "attach: false; POOLS; driver: | line 3: driver is without a value",
                "attach: false; POOLS; driver: 12 | line 3: driver is the number 12: write it in quotes",
                "attach: false; POOLS; driver: on | line 3: driver is the truth value on: write it in quotes",
                "attach: false; POOLS; driver: 2026-01-01 | line 3: driver is 2026-01-01 of the type",
                "attach: false; POOLS; driver: !name x | line 3: driver is x of the type !name",
                "attach: false; POOLS; defaultPool: | line 3: defaultPool is without a value",
                "attach: yes; POOLS | line 1: attach is the truth value yes: write true or false",
                "attach: off; POOLS | line 1: attach is the truth value off: write true or false",
                "attach: 'true'; POOLS | line 1: attach is the text 'true': write true or false",
                "attach: 1; POOLS | line 1: attach is the number 1: write true or false",
                "attach:; POOLS | line 1: attach is without a value: write true or false",
                "attach: [false]; POOLS | line 1: attach is a list: write true or false",
                "attach: false; POOLS; maxVolumesPerNode: 3.7 | line 3: maxVolumesPerNode is the number 3.7: use a positive number in plain digits",
                "attach: false; POOLS; maxVolumesPerNode: 3.0 | line 3: maxVolumesPerNode is the number 3.0",
                "attach: false; POOLS; maxVolumesPerNode: '7' | line 3: maxVolumesPerNode is the text '7'",
                "attach: false; POOLS; maxVolumesPerNode: 0x10 | line 3: maxVolumesPerNode is the number 0x10",
                "attach: false; POOLS; maxVolumesPerNode: 010 | line 3: maxVolumesPerNode is the number 010",
                "attach: false; POOLS; maxVolumesPerNode: 1e3 | line 3: maxVolumesPerNode is",
                "attach: false; POOLS; maxVolumesPerNode: 1_000 | line 3: maxVolumesPerNode is the number 1_000",
                "attach: false; POOLS; maxVolumesPerNode: 1:30 | line 3: maxVolumesPerNode is the number 1:30",
                "attach: false; POOLS; maxVolumesPerNode: -1 | line 3: maxVolumesPerNode is the number -1",
                "attach: false; POOLS; maxVolumesPerNode: +7 | line 3: maxVolumesPerNode is the number +7",
                "attach: false; POOLS; maxVolumesPerNode: 1048577 | use a positive number in plain digits, at most 1048576",
                "attach: false; POOLS; maxVolumesPerNode: 4294967297 | use a positive number in plain digits, at most 1048576",
                "attach: false; POOLS; maxVolumesPerNode: 99999999999999999999999 | use a positive number in plain digits, at most 1048576",
                "attach: false; POOLS; maxVolumesPerNode: | line 3: maxVolumesPerNode is without a value",
                "attach: false; pools: {ssd: {type: file, path: /srv/ssd, overcommit: .nan}} | pool ssd: overcommit is the number .nan: use 1.0 or more",
                "attach: false; pools: {ssd: {type: file, path: /srv/ssd, overcommit: .inf}} | pool ssd: overcommit is the number .inf: use 1.0 or more",
                "attach: false; pools: {ssd: {type: file, path: /srv/ssd, overcommit: '2.0'}} | pool ssd: overcommit is the text '2.0'",
                "attach: false; pools: {ssd: {type: file, path: /srv/ssd, overcommit: 1e3}} | pool ssd: overcommit is",
                "attach: false; pools: {ssd: {type: file, path: /srv/ssd, overcommit: 1e400}} | pool ssd: overcommit is",
                "attach: false; pools: {ssd: {type: file, path: /srv/ssd, overcommit: 1000001}} | at most 1000000",
                "attach: false; pools: {ssd: {type: file, path: /srv/ssd, overcommit: ~}} | pool ssd: overcommit is without a value",
                "attach: false; pools: {ssd: {type: file, path: /srv/ssd, requireMount: yes}} | line 2: pools.ssd.requireMount is the truth value yes",
                "attach: false; pools: {ssd: {type: file, path: /srv/ssd, ephemeral: 'true'}} | line 2: pools.ssd.ephemeral is the text 'true'",
                "attach: false; pools: {ssd: {type: file, path: /srv/ssd, shared: }} | line 2: pools.ssd.shared is without a value",
                "attach: false; pools: {ssd: {type: file, path: /srv/ssd, filesystem: }} | line 2: pools.ssd.filesystem is without a value",
                "attach: false; pools: {ssd: {type: file, path: ~/ssd}} | absolute path, not '~/ssd'",
                "attach: false; pools: {ssd: {type: file, path: /srv/x/../ssd}} | without '..'",
                "attach: false; pools: {ssd: {type: file, path: ''}} | absolute path, not ''",
                "attach: false; pools: {ssd: {type: [file], path: /srv/ssd}} | line 2: pools.ssd.type is a list",
                "attach: false; pools: {ssd: /srv/ssd} | line 2: pools.ssd is the text '/srv/ssd': write keys",
                "attach: false; pools: [ssd] | line 2: pools is a list: write keys",
                "attach: false; pools: | line 2: pools is without a value: write keys",
                "attach: false; pools: {1: {type: file, path: /srv/ssd}} | line 2: the key '1' is the number 1: write it in quotes",
                "attach: false; pools: {on: {type: file, path: /srv/ssd}} | line 2: the key 'on' is the truth value on: write it in quotes",
                "attach: false; pools: {[a]: {type: file, path: /srv/ssd}} | line 2: a key below pools is a list",
                "attach: false; pools: {a: {type: file, path: /srv/a}, a: {type: file, path: /srv/b}} | line 2: Duplicate key 'a', which line 2 has too",
                "attach: false; pools:;   a: {type: file, path: /srv/a};   a: {type: file, path: /srv/b} | line 4: Duplicate key 'a', which line 3 has too",
                "attach: false; pools: {a: &a {type: file, path: /srv/a}, b: {<<: *a, path: /srv/b}} | line 2: '<<' is not read",
                "attach: false; pools: {a: &a {type: file, path: /srv/a}, b: *a} | pools a and b have the same path",
                "attach: false; POOLS; Driver: x.io | line 3: unknown key 'Driver': did you mean 'driver'?",
                "ATTACH: false; POOLS | line 1: unknown key 'ATTACH': did you mean 'attach'?",
                "attach: false; pools: {ssd: {type: file, Path: /srv/ssd}} | line 2: unknown key 'Path': did you mean 'path'?",
                "[attach, pools] | line 1: the configuration is a list: write keys",
                "attach | line 1: the configuration is the text 'attach'",
                "# nothing | is empty",
            })
    void whatWouldBeDroppedOrConvertedIsRefusedWithItsLine(String yaml, String message) {
        var text = yaml.replace("POOLS", POOL.strip()).replace("; ", "\n");
        assertThatThrownBy(() -> read(text))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("stowage.yaml")
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"~", "[/srv]", "/srv\n  /state"})
    void theFileIsNamedOnce(String state) {
        assertThatThrownBy(() -> read("attach: false\n" + POOL + "state: " + state))
                .isInstanceOf(ConfigException.class)
                .message()
                .containsOnlyOnce("stowage.yaml");
    }

    /// Failure case 74.
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "6174746163683a 2066616c73650a 23 fc 0a | line 2: the file is not UTF-8",
                "fffe 6100 | line 1: the file is not UTF-8",
                "6174746163683a 2066616c73650a 00 | line 2: the character U+0000 may not be in it",
                "6174746163683a 2066616c7365 0a 09613a2062 | line 2: found character",
                "6174746163683a2066616c7365 0a 23 c285 78 | line 2: the character U+0085 may not be in it",
                "6174746163683a2066616c7365 0a 23 e280a8 78 | line 2: the character U+2028 may not be in it",
                "6174746163683a2066616c7365 0a 23 e280a9 78 | line 2: the character U+2029 may not be in it",
                "0a 0a 1b5b306d | line 3: the character U+001B may not be in it",
                "'' | is empty",
            })
    void whatIsNoTextIsRefusedWithItsLine(String hex, String message) throws IOException {
        var file = folder.resolve("stowage.yaml");
        Files.write(file, HexFormat.of().parseHex(hex.replace(" ", "")));
        assertThatThrownBy(() -> ConfigFile.read(file))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("stowage.yaml")
                .hasMessageContaining(message);
    }

    @Test
    void whatMeansTheSameIsRead() throws IOException {
        var config =
                read(
                        "\uFEFF---\nattach: &no False\nstate: \"/srv//state/\"\npools:\n  '1': {type: file, path: /srv/./ü, shared: *no, overcommit: 2}\n...\n");
        assertThat(config.attach()).isFalse();
        assertThat(config.state()).isEqualTo(Path.of("/srv/state"));
        var pool = Objects.requireNonNull(config.pools().get("1"));
        assertThat(pool.path()).isEqualTo(Path.of("/srv/ü"));
        assertThat(pool.overcommit()).isEqualTo(2.0);
    }

    /// The layout that the driver has where nothing else is said.
    @Test
    void aPoolLiesInTheStateFolderOrBesideAnother() throws IOException {
        var config =
                read(
                        "attach: false\npools: {a: {type: file, path: /var/lib/stowage/ssd}, b: {type: file, path: /var/lib/stowage/ssd2}}\n");
        assertThat(config.pools()).containsOnlyKeys("a", "b");
    }

    @Test
    void aValueOnALineOfItsOwnIsRead() throws IOException {
        var config = read("attach: false\n" + POOL + "state:\n  /srv/state\ndriver: |-\n  d.io\n");
        assertThat(config.state()).isEqualTo(Path.of("/srv/state"));
        assertThat(config.driver()).isEqualTo("d.io");
    }

    /// Such as /dev/zero.
    @Test
    void aFileWithoutEndIsNotReadToTheEnd() {
        assertThatThrownBy(() -> ConfigFile.read(Path.of("/dev/zero")))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("has more than 1048576 bytes");
    }

    @Test
    void aMissingFileIsNamed() {
        assertThatThrownBy(() -> ConfigFile.read(folder.resolve("none.yaml")))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("none.yaml");
    }

    private Config read(String yaml) throws IOException {
        return ConfigFile.read(Files.writeString(folder.resolve("stowage.yaml"), yaml));
    }
}
