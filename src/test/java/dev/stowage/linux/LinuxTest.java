package dev.stowage.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.TestFolder;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(NothingLeftBehind.class)
class LinuxTest {
    @TempDir(factory = TestFolder.class)
    Path folder;

    @Test
    void statAgreesWithTheJdk() throws Exception {
        var file = Files.writeString(folder.resolve("file"), "twelve bytes");
        Files.createLink(folder.resolve("second"), file);
        var stat = Linux.stat(file);
        Map<String, Object> unix = Files.readAttributes(file, "unix:*");

        assertThat(stat.dev()).isEqualTo(unix.get("dev"));
        assertThat(stat.ino()).isEqualTo(unix.get("ino"));
        assertThat(stat.mode()).isEqualTo(unix.get("mode"));
        assertThat(stat.uid()).isEqualTo(unix.get("uid"));
        assertThat(stat.gid()).isEqualTo(unix.get("gid"));
        assertThat(stat.nlink()).isEqualTo(2);
        assertThat(stat.size()).isEqualTo(12);
        assertThat(stat.isRegularFile()).isTrue();
        assertThat(Linux.stat(folder.resolve("second")).id()).isEqualTo(stat.id());
        assertThat(Linux.stat(Path.of("/dev/null")).rdev()).isEqualTo(Stat.deviceNumber(1, 3));
    }

    @Test
    void aLargeMinorNumberSurvivesItsEncoding() {
        var encoded = Stat.deviceNumber(7, 0x12345);
        assertThat(Stat.major(encoded)).isEqualTo(7);
        assertThat(Stat.minor(encoded)).isEqualTo(0x12345);
    }

    @Test
    void absentIsOnlyWhatTheKernelCallsAbsent() throws Exception {
        var dangling =
                Files.createSymbolicLink(folder.resolve("dangling"), folder.resolve("nowhere"));
        var loop = Files.createSymbolicLink(folder.resolve("loop"), folder.resolve("loop"));
        Files.writeString(folder.resolve("file"), "");

        assertThat(Linux.statIfExists(folder.resolve("missing"))).isEmpty();
        assertThat(Linux.statIfExists(folder.resolve("file/below"))).isEmpty();
        assertThat(Linux.statIfExists(dangling)).isEmpty();
        assertThat(Linux.lstatIfExists(dangling).orElseThrow().isSymlink()).isTrue();
        assertThatThrownBy(() -> Linux.statIfExists(loop)).hasMessageContaining("ELOOP");
    }

    @Test
    void renameNeverReplacesNotEvenAnEmptyFolder() throws Exception {
        var from = Files.createDirectory(folder.resolve("from"));
        var taken = Files.createDirectory(folder.resolve("taken"));
        assertThatThrownBy(() -> Linux.renameNoReplace(from, taken))
                .isInstanceOfSatisfying(
                        ErrnoException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EEXIST));
        assertThat(from).exists();
        Linux.renameNoReplace(from, folder.resolve("free"));
        assertThat(folder.resolve("free")).isDirectory();
        assertThat(from).doesNotExist();
    }

    @Test
    void ofTwoLinksToOneNameTheSecondFails() throws Exception {
        var file = Files.writeString(folder.resolve("file"), "");
        Linux.link(file, folder.resolve("holder"));
        assertThatThrownBy(() -> Linux.link(file, folder.resolve("holder")))
                .hasMessageContaining("EEXIST");
        assertThat(Linux.stat(file).nlink()).isEqualTo(2);
    }

    @Test
    void filesAndFoldersAreSynced() throws Exception {
        var file = Files.writeString(folder.resolve("file"), "x");
        Linux.fsync(file);
        Linux.fsyncFolder(folder);
        Linux.syncfs(folder);
        assertThatThrownBy(() -> Linux.fsyncFolder(file)).hasMessageContaining("ENOTDIR");
        assertThatThrownBy(() -> Linux.fsync(folder.resolve("missing")))
                .hasMessageContaining("ENOENT");
    }

    @Test
    void statfsAgreesWithTheJdk() throws Exception {
        FileStore store = Files.getFileStore(folder);
        var usage = Linux.statfs(folder);
        assertThat(usage.totalBytes()).isEqualTo(store.getTotalSpace());
        assertThat(usage.blockSize()).isEqualTo(store.getBlockSize());
        assertThat(usage.availableBytes()).isLessThanOrEqualTo(usage.freeBytes());
        assertThat(usage.freeInodes()).isLessThanOrEqualTo(usage.inodes());
        assertThat(usage.readOnly()).isFalse();
        assertThatThrownBy(() -> Linux.statfs(folder.resolve("missing")))
                .hasMessageContaining("ENOENT");
    }

    @Test
    void theKernelSaysWhatItIs() throws Exception {
        assertThat(Linux.bootId()).hasSize(36);
        assertThat(Linux.kernel()).isGreaterThanOrEqualTo(new KernelVersion(5, 12));
        assertThat(KernelVersion.parse("6.1.0-13-amd64\n")).isEqualTo(new KernelVersion(6, 1));
        assertThat(new KernelVersion(5, 12)).isLessThan(new KernelVersion(6, 1));
        var status = Files.readString(Path.of("/proc/self/status"));
        var bit = Character.digit(status.charAt(status.indexOf("CapEff:") + 17), 16) & 1;
        assertThat(Linux.hasCapSysResource()).isEqualTo(bit == 1);
    }

    @Test
    void errorsThatWeDoNotTellApartKeepTheirNames() {
        var known = new ErrnoException("read", "x", 71, "");
        assertThat(known.errno()).isEqualTo(Errno.OTHER);
        assertThat(known).hasMessage("read(x): Protocol error (EPROTO)");
        assertThat(new ErrnoException("read", "x", 4242, "")).hasMessage("read(x): error 4242");
        assertThat(new ErrnoException("f", "x", 28, "the words"))
                .hasMessage("f(x): No space left on device (ENOSPC): the words");
    }
}
