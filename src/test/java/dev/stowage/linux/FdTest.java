package dev.stowage.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.TestFolder;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(NothingLeftBehind.class)
class FdTest {
    private static final int NEW_FILE = OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_EXCL;

    @TempDir(factory = TestFolder.class)
    Path folder;

    @Test
    void whatIsMissingIsNamedWithCallPathAndErrno() {
        assertThatThrownBy(() -> Fd.open(folder.resolve("missing"), OpenFlags.O_RDONLY))
                .isInstanceOf(ErrnoException.class)
                .hasMessage("openat(" + folder + "/missing): No such file or directory (ENOENT)");
    }

    @Test
    void everyDescriptorIsClosedOnExec() throws Exception {
        try (var fd = Fd.open(folder, OpenFlags.O_RDONLY)) {
            var flags = Files.readAllLines(Path.of("/proc/self/fdinfo/" + fd.number())).get(1);
            assertThat(
                            Integer.parseInt(flags.substring("flags:".length()).strip(), 8)
                                    & OpenFlags.O_CLOEXEC)
                    .isNotZero();
        }
    }

    @Test
    void closingTwiceHarmsNoOtherFile() throws Exception {
        var first = Fd.open(folder, OpenFlags.O_RDONLY);
        var number = first.number();
        first.close();
        try (var second = Fd.open(folder, OpenFlags.O_RDONLY)) {
            assertThat(second.number()).isEqualTo(number);
            first.close();
            assertThat(second.stat().isFolder()).isTrue();
        }
        assertThatThrownBy(first::stat).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void aSymlinkIsNotFollowedWithNofollow() throws Exception {
        Files.createSymbolicLink(folder.resolve("link"), folder);
        try (var parent = Fd.open(folder, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY)) {
            assertThatThrownBy(
                            () ->
                                    parent.openAt(
                                            "link", OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW, 0))
                    .isInstanceOfSatisfying(
                            ErrnoException.class,
                            e -> assertThat(e.errno()).isEqualTo(Errno.ELOOP));
            assertThat(parent.statAt("link").isSymlink()).isTrue();
        }
    }

    @Test
    void aNameOfSeveralComponentsIsRefused() throws Exception {
        try (var parent = Fd.open(folder, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY)) {
            for (var name : new String[] {"", "..", "a/b", "/etc", "a\0b"}) {
                assertThatThrownBy(() -> parent.openAt(name, OpenFlags.O_RDONLY, 0))
                        .as(name)
                        .isInstanceOf(IllegalArgumentException.class);
            }
        }
    }

    @Test
    void filesAndFoldersAreMadeAndRemovedRelativeToAnOpenFolder() throws Exception {
        try (var parent = Fd.open(folder, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY)) {
            var moved = folder.resolveSibling(folder.getFileName() + "-moved");
            Files.move(folder, moved);
            parent.mkdirAt("inner", 0700);
            parent.openAt("file", NEW_FILE, 0600).close();
            assertThat(moved.resolve("inner")).isDirectory();
            assertThat(Linux.stat(moved.resolve("file")).mode() & 0777).isEqualTo(0600);
            assertThatThrownBy(() -> parent.unlinkAt("inner")).isInstanceOf(ErrnoException.class);
            assertThatThrownBy(() -> parent.rmdirAt("file")).hasMessageContaining("ENOTDIR");
            parent.rmdirAt("inner");
            parent.unlinkAt("file");
            assertThat(moved).isEmptyDirectory();
            Files.move(moved, folder);
        }
    }

    @Test
    void bytesAreReadAndWrittenAtOffsetsBeyondFourGiB() throws Exception {
        var offset = (5L << 30) + 7;
        for (var direct : new boolean[] {false, true}) {
            try (var fd = Fd.open(folder.resolve("large" + direct), NEW_FILE, 0600)) {
                var bytes = buffer(direct, 16);
                bytes.put("..hello".getBytes(StandardCharsets.US_ASCII)).flip().position(2);
                assertThat(fd.write(bytes, offset)).isEqualTo(5);
                assertThat(bytes.hasRemaining()).isFalse();

                var read = buffer(direct, 8).position(1);
                assertThat(fd.read(read, offset)).isEqualTo(5);
                assertThat(read.position()).isEqualTo(6);
                assertThat((char) read.get(1)).isEqualTo('h');
                assertThat((char) read.get(5)).isEqualTo('o');
                assertThat(fd.read(buffer(direct, 4), offset + 5)).isZero();
                assertThat(fd.stat().size()).isEqualTo(offset + 5);
            }
        }
    }

    private static ByteBuffer buffer(boolean direct, int size) {
        return direct ? ByteBuffer.allocateDirect(size) : ByteBuffer.allocate(size);
    }

    @Test
    void allocatedBytesAreThereAndHoldNoData() throws Exception {
        try (var fd = Fd.open(folder.resolve("thick"), NEW_FILE, 0600)) {
            fd.allocate(1 << 20);
            fd.fsync();
            assertThat(fd.stat().size()).isEqualTo(1 << 20);
            assertThat(fd.stat().allocatedBytes()).isGreaterThanOrEqualTo(1 << 20);
            assertThat(fd.seekData(0)).isEqualTo(-1);
            assertThat(fd.write(ByteBuffer.wrap(new byte[1]), 512 << 10)).isEqualTo(1);
            fd.fdatasync();
            assertThat(fd.seekData(0)).isEqualTo(512 << 10);
            fd.truncate(4096);
            assertThat(fd.stat().size()).isEqualTo(4096);
        }
    }

    @Test
    void theProcPathLeadsToTheFileAfterItWasUnlinked() throws Exception {
        var name = folder.resolve("gone");
        try (var fd = Fd.open(name, NEW_FILE, 0600)) {
            Files.delete(name);
            assertThat(Linux.stat(fd.path()).id()).isEqualTo(fd.stat().id());
            assertThat(fd.stat().nlink()).isZero();
        }
    }

    @Test
    void onlyABlockDeviceHasABlockDevicesSize() throws Exception {
        try (var fd = Fd.open(folder, OpenFlags.O_RDONLY)) {
            assertThatThrownBy(fd::blockDeviceBytes)
                    .isInstanceOfSatisfying(
                            ErrnoException.class, e -> assertThat(e.is(Errno.ENOTTY)).isTrue());
        }
    }
}
