package dev.stowage.backend.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stowage.linux.FileVersion;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/// On a file system whose clock ticks once a second, seen from its own machine or from another.
@DisplayName("82: what unchanged files say is not read again")
class UnchangedFilesTest {
    private static final long SECOND = 1_000_000_000L;

    /// What the file system's clock shows when this machine's monotonic one shows nothing.
    private static final long EPOCH = 1_800_000_000L * SECOND;

    private final List<String> read = new ArrayList<>();
    private long nanos;
    private boolean ownClock = true;

    private final FileTimes times =
            new FileTimes() {
                @Override
                public long nanos() {
                    return nanos;
                }

                @Override
                public Optional<Long> fileSystemNanos() {
                    return ownClock ? Optional.of(EPOCH + nanos) : Optional.empty();
                }
            };

    private final class File {
        private final String name;
        private String content = "";
        private long changed;

        File(String name, String content) {
            this.name = name;
            write(content);
        }

        /// In place, and of the same length.
        void write(String text) {
            content = text;
            changed = (EPOCH + nanos) / SECOND * SECOND;
        }

        Optional<String> read(UnchangedFiles<String, String> files) throws IOException {
            var version = new FileVersion(1, 2, 3, changed, changed);
            return files.read(
                    name,
                    List.of(version),
                    () -> {
                        read.add(name);
                        return Optional.of(content);
                    });
        }
    }

    private UnchangedFiles<String, String> keeping(int most) {
        return new UnchangedFiles<>(most, times);
    }

    private void pass(double seconds) {
        nanos += (long) (seconds * SECOND);
    }

    @Test
    void aFileThatChangedLongAgoIsReadOnce() throws Exception {
        var files = keeping(8);
        var file = new File("a", "one");
        pass(60);
        for (var i = 0; i < 5; i++) {
            assertThat(file.read(files)).contains("one");
        }
        assertThat(read).containsExactly("a");
    }

    @Test
    void aFileThatChangesAfterItWasReadIsReadAgain() throws Exception {
        var files = keeping(8);
        var file = new File("a", "one");
        pass(60);
        assertThat(file.read(files)).contains("one");
        file.write("two");
        assertThat(file.read(files)).contains("two");
        pass(60);
        assertThat(file.read(files)).contains("two");
        assertThat(file.read(files)).contains("two");
        assertThat(read).hasSize(3);
    }

    @Test
    void whatChangesTwiceWithinOneTickIsSeenBothTimes() throws Exception {
        for (var own : List.of(true, false)) {
            ownClock = own;
            var files = keeping(8);
            var file = new File("a", "one");
            pass(60.1);
            file.write("two");
            assertThat(file.read(files)).contains("two");
            pass(0.2);
            file.write("six"); // the file looks as before
            pass(60);
            assertThat(file.read(files)).as("own clock: %s", own).contains("six");
        }
    }

    @Test
    void withAnotherMachinesClockAFileIsReadUntilItWasSeenUnchangedForSomeSeconds()
            throws Exception {
        ownClock = false;
        var files = keeping(8);
        var file = new File("a", "one");
        pass(3600); // by a clock that may be wrong
        assertThat(file.read(files)).contains("one");
        pass(1);
        assertThat(file.read(files)).contains("one");
        pass(60);
        assertThat(file.read(files)).contains("one");
        assertThat(read).hasSize(3);
        pass(60);
        assertThat(file.read(files)).contains("one");
        assertThat(read).hasSize(3);
    }

    @Test
    void aClockThatRunsAheadOfTheFileSystemsMakesNoFreshFileOld() throws Exception {
        ownClock = false;
        var files = keeping(8);
        var file = new File("a", "one");
        file.changed = EPOCH - 3600 * SECOND;
        assertThat(file.read(files)).contains("one");
        file.content = "two";
        assertThat(file.read(files)).contains("two");
    }

    @Test
    void noMoreThanTheBoundIsKeptAndWhatIsKeptStays() throws Exception {
        var files = keeping(2);
        var all = List.of(new File("a", "1"), new File("b", "2"), new File("c", "3"));
        pass(60);
        for (var round = 0; round < 3; round++) {
            for (var file : all) {
                assertThat(file.read(files)).contains(file.content);
            }
        }
        assertThat(read).containsExactly("a", "b", "c", "c", "c");
        files.retain(Set.of("b", "c"));
        read.clear();
        for (var round = 0; round < 3; round++) {
            all.get(1).read(files);
            all.get(2).read(files);
        }
        assertThat(read).containsExactly("c");
    }

    @Test
    void whatCanNotBeReadOrIsNotThereIsNotKept() throws Exception {
        var files = keeping(8);
        var version = List.of(new FileVersion(1, 2, 3, 4, 5));
        pass(60);
        for (var i = 0; i < 2; i++) {
            assertThatThrownBy(
                            () ->
                                    files.read(
                                            "a",
                                            version,
                                            () -> {
                                                throw new IOException("torn");
                                            }))
                    .hasMessage("torn");
            assertThat(files.read("a", version, Optional::empty)).isEmpty();
            assertThat(files.read("a", List.of(), () -> Optional.of("unseen"))).contains("unseen");
        }
        assertThat(files.read("a", version, () -> Optional.of("whole"))).contains("whole");
    }
}
