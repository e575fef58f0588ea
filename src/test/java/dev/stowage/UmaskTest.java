package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.client.CsiClient;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.ServeProcess;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Failure case 75: what a driver makes has the same modes whatever umask it was started under.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class UmaskTest {
    @TempDir(factory = TestFolder.class)
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"077", "000", "0777"})
    void allMayReadWhichPoolsWereSeenAndNothingElse(String umask) throws Exception {
        try (var driver = start(umask);
                var client = new CsiClient(driver.socket())) {
            driver.awaitReady();
            var _ = client.controller().createVolume(TestDriver.createRequest("data"));
            assertThat(mode(driver.socket())).isEqualTo("rw-------");
        }
        assertThat(mode(state())).isEqualTo("rwxr-xr-x");
        assertThat(mode(state().resolve("pools"))).isEqualTo("rwxr-xr-x");
        try (var files = Files.list(state().resolve("pools"))) {
            assertThat(files).isNotEmpty().allMatch(file -> mode(file).equals("rw-r--r--"));
        }
        var others = new TreeMap<Path, String>();
        try (var files = Files.walk(folder.resolve("ssd"))) {
            files.filter(file -> !mode(file).matches("rw[x-]------"))
                    .forEach(file -> others.put(file, mode(file)));
        }
        assertThat(others).isEmpty();
    }

    /// As an older driver left it, under a strict umask.
    @Test
    void aStateFolderThatOthersCanNotPassIsOpenedToThem() throws Exception {
        try (var driver = start("022")) {
            driver.awaitReady();
        }
        Files.setPosixFilePermissions(state(), PosixFilePermissions.fromString("rwx------"));
        try (var driver = start("077")) {
            driver.awaitReady();
        }
        assertThat(mode(state())).isEqualTo("rwx--x--x");
    }

    private ServeProcess start(String umask) throws IOException {
        var yaml = "attach: false\npools: {ssd: {type: file, path: %s/ssd}}\n".formatted(folder);
        var under = List.of("sh", "-c", "umask " + umask + "; exec \"$@\"", "sh");
        return ServeProcess.startBy(under, folder, "n1", yaml);
    }

    private Path state() {
        return folder.resolve("state-n1");
    }

    private static String mode(Path file) {
        try {
            return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
