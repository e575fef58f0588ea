package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.client.CsiClient;
import dev.stowage.client.VolumeClient;
import dev.stowage.linux.Command;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.ServeProcess;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Failure case 72: paths are bytes for the kernel and UTF-8 for CSI, in whatever locale the driver
/// is started.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class LocaleTest {
    private static final Duration LIMIT = Duration.ofSeconds(10);

    @TempDir(factory = TestFolder.class)
    private Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-u LANG -u LC_ALL -u LC_CTYPE",
                "LC_ALL=C",
                "LC_ALL=POSIX",
                "LC_ALL=xx_XX.UTF-8",
                "LC_ALL=C.UTF-8",
            })
    void aVolumeLivesItsLifeAtPathsOfAnyLanguage(String locale) throws Exception {
        // Configuration, state, socket, pool and mounts.
        var place = Files.createDirectory(folder.resolve("größe-大"));
        var yaml = "attach: false\npools: {ssd: {type: file, path: %s/ssd}}\n".formatted(place);
        var runner = List.of(("env " + locale).split(" "));
        try (var driver = ServeProcess.startBy(runner, place, "n1", yaml);
                var client = new CsiClient(driver.socket())) {
            driver.awaitReady();
            var volume = new VolumeClient(client, TestDriver.mount(SINGLE_NODE_WRITER));
            volume.create("data", 16 * TestDriver.MIB);
            var staging = Files.createDirectory(place.resolve("ü"));
            var target = place.resolve("ж");
            volume.stage(client, staging);
            volume.publish(client, staging, target);
            Files.writeString(target.resolve("word"), "written");
            volume.unpublish(client, target);
            assertThat(target).doesNotExist();
            volume.unstage(client, staging);
            volume.delete();
            assertThat(driver.log()).doesNotContain("Exception").contains(place.toString());
            assertThat(openFiles(driver)).containsOnlyOnce("/lib/modules");
            driver.terminate();
            assertThat(driver.awaitEnd(30)).isTrue();
        }
        assertThat(place.resolve("n1.sock")).doesNotExist();
    }

    /// Their names are no UTF-8, or would end a line.
    @Test
    void mountsOfOthersMatterToNobody() throws Exception {
        var name = "$(printf '" + folder + "/\\377 \\012\\134')";
        shell("mkdir \"%s\" && mount -t tmpfs \"$(printf 'a\\376')\" \"%s\"".formatted(name, name));
        var yaml =
                "attach: false\npools: {ssd: {type: file, path: %s/ssd, requireMount: false}}\n"
                        .formatted(folder);
        try (var driver = ServeProcess.startBy(List.of("env", "LC_ALL=C"), folder, "n1", yaml);
                var client = new CsiClient(driver.socket())) {
            driver.awaitReady();
            var volume = new VolumeClient(client, TestDriver.mount(SINGLE_NODE_WRITER));
            volume.create("data", 16 * TestDriver.MIB);
            var staging = Files.createDirectory(folder.resolve("staging"));
            var target = folder.resolve("target");
            volume.stage(client, staging);
            volume.publish(client, staging, target);
            volume.unpublish(client, target);
            volume.unstage(client, staging);
            volume.delete();
        } finally {
            shell("umount \"%s\" && rmdir \"%s\"".formatted(name, name));
        }
    }

    /// By their names, one after the other.
    private static String openFiles(ServeProcess driver) throws Exception {
        var names = new StringBuilder();
        try (var files = Files.list(Path.of("/proc/" + driver.pid() + "/fd"))) {
            for (var file : files.toList()) {
                var link = "";
                try {
                    link = Files.readSymbolicLink(file).toString();
                } catch (NoSuchFileException e) {
                    continue; // closed meanwhile
                }
                names.append(link).append('\n');
            }
        }
        return names.toString();
    }

    private static void shell(String script) throws Exception {
        Command.run(List.of("sh", "-c", script), LIMIT);
    }
}
