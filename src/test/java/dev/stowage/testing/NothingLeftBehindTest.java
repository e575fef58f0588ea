package dev.stowage.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class NothingLeftBehindTest {
    private static final Duration SHORT = Duration.ofMillis(20);

    @TempDir(factory = TestFolder.class)
    Path folder;

    @Test
    void aMountAndItsLoopDeviceAreNamedAndCleanedUp() throws Exception {
        var before = Leftovers.below(TestFolder.root());
        var left = LoopFileSystem.make(folder, LoopFileSystem.Kind.EXT4, 16 << 20);

        assertThat(NothingLeftBehind.check(before, SHORT))
                .containsExactly(
                        "mount " + left.mountPoint(), "loop device " + left.device().path());
        assertThat(NothingLeftBehind.check(before, SHORT)).isEmpty();
    }

    @Test
    void anOpenDescriptorIsNamed() throws Exception {
        var before = Leftovers.below(TestFolder.root());
        try (var _ = Fd.open(folder.resolve("file"), OpenFlags.O_RDWR | OpenFlags.O_CREAT, 0600)) {
            assertThat(NothingLeftBehind.check(before, SHORT))
                    .containsExactly("open descriptor of " + folder.resolve("file"));
        }
        assertThat(NothingLeftBehind.check(before, SHORT)).isEmpty();
    }

    @Test
    void aThreadIsNamed() throws Exception {
        var before = Leftovers.below(TestFolder.root());
        var end = new CountDownLatch(1);
        var thread =
                Thread.ofPlatform()
                        .name("left-behind")
                        .start(
                                () -> {
                                    try {
                                        end.await();
                                    } catch (InterruptedException e) {
                                        Thread.currentThread().interrupt();
                                    }
                                });

        assertThat(NothingLeftBehind.check(before, SHORT)).containsExactly("thread left-behind");

        end.countDown();
        thread.join();
        assertThat(NothingLeftBehind.check(before, SHORT)).isEmpty();
    }
}
