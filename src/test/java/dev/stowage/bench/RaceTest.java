package dev.stowage.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.stowage.linux.Command;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class RaceTest {
    private static final long BYTES = 16 << 20;

    @TempDir(factory = TestFolder.class)
    Path folder;

    @Test
    void theShellAndTheProgramLiveSideBySideAndLeaveNothing() throws Exception {
        assumeTrue(Command.find("cc").isPresent(), "needs a C compiler");
        var programs = BenchPrograms.unpack(folder);
        try (var shell = programs.shell(folder.resolve("shell"), BYTES);
                var program = programs.program(folder.resolve("program"), BYTES).orElseThrow()) {
            var watch = new Race(List.of(List.of(shell), List.of(program))).run("life", 2);

            assertThat(watch.steps()).containsExactly("shell", "C program");
        }
        assertThat(folder.resolve("program/volumes")).isEmptyDirectory();
        assertThat(folder.resolve("shell/life-0-0.img")).doesNotExist();
    }

    @Test
    void aContestantThatFailsIsNamedWithItsComplaint() throws Exception {
        var programs = BenchPrograms.unpack(folder);
        var place = folder.resolve("shell");
        try (var shell = programs.shell(place, BYTES)) {
            Files.createDirectory(place.resolve("life-0-0.img"));

            assertThatThrownBy(() -> new Race(List.of(List.of(shell))).run("life", 1))
                    .hasMessageContaining("shell failed")
                    .hasMessageContaining("Is a directory");
        }
    }
}
