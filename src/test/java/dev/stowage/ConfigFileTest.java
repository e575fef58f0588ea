package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Provisioning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
