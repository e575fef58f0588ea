package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.VolumeCapability.AccessMode.Mode;
import dev.stowage.linux.LoopDevices;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status.Code;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Volumes whose kubelet died after it had unpublished and before it had unstaged them.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class StaleStagingDriverTest {
    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final Mode MODE = Mode.SINGLE_NODE_WRITER;

    @TempDir(factory = TestFolder.class)
    private Path folder;

    /// Both modes in one test: each waits as long as a kubelet is given.
    @Test
    @DisplayName(
            "39: refused while it is staged; a volume that was forgotten is deleted in the end")
    void aForgottenVolumeIsUnstagedOnceItIsToBeDeleted() throws Exception {
        try (var local = TestDriver.local(Files.createDirectory(folder.resolve("local")), "n1");
                var central =
                        TestDriver.central(
                                Files.createDirectory(folder.resolve("central")), "n1")) {
            var here = forgotten(local, Map.of());
            var kept = local.create("kept");
            var _ = local.stage(kept, Map.of(), MODE);
            var everywhere = central.create("v");
            var _ = central.stage(everywhere, central.attach(everywhere, "n1", MODE), MODE);
            central.detach(everywhere, "n1");

            central.delete(everywhere);
            assertThat(TestDriver.refusal(() -> delete(local, here)).getCode())
                    .isEqualTo(Code.FAILED_PRECONDITION);
            assertThat(loops(here)).isTrue();
            assertThat(loops(everywhere)).isTrue();

            Polling.await("unstaged", LIMIT, () -> !loops(here) && !loops(everywhere));
            local.delete(here);
            assertThat(loops(kept)).as("nobody wants it deleted").isTrue();
            local.unstage(kept);
            local.delete(kept);
        }
    }

    private static String forgotten(TestDriver driver, Map<String, String> context)
            throws IOException {
        var id = driver.create("forgotten");
        var _ = driver.stage(id, context, MODE);
        var _ = driver.publish(id, context, "target", MODE, false);
        driver.unpublish(id, "target");
        return id;
    }

    private static Object delete(TestDriver driver, String id) {
        driver.delete(id);
        return id;
    }

    private static boolean loops(String id) throws IOException {
        var name = id.substring(id.indexOf('.') + 1);
        return LoopDevices.all().stream().anyMatch(loop -> loop.name().endsWith(name));
    }
}
