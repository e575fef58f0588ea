package dev.stowage.linux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.testing.TestFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileExtentsTest {
    @TempDir(factory = TestFolder.class)
    Path folder;

    @Test
    void aFileSystemWithoutExtentsIsKnownFromOneWithThem() throws Exception {
        var onDisk = Files.writeString(folder.resolve("file"), "text");
        try (var file = Fd.open(onDisk, OpenFlags.O_RDONLY)) {
            assertThat(FileExtents.told(file)).isTrue();
        }
        // proc(5) has files without a place on any disk
        try (var file = Fd.open(Path.of("/proc/self/status"), OpenFlags.O_RDONLY)) {
            assertThat(FileExtents.told(file)).isFalse();
        }
    }
}
