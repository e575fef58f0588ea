package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.MULTI_NODE_READER_ONLY;
import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static dev.stowage.testing.TestDriver.NODE;
import static dev.stowage.testing.TestDriver.refusal;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.GetCapacityRequest;
import csi.v1.NodeExpandVolumeRequest;
import dev.stowage.testing.LoopFileSystem;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Failure case 58: many volumes' lives, with calls in them that are refused or given up.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class RandomLifecyclesTest {
    private static final int LIVES = 200;
    private static final long SEED = 58;

    @TempDir(factory = TestFolder.class)
    private Path folder;

    private final Random random = new Random(SEED);

    @Test
    void afterManyLivesAllIsAsItWasAfterTheFirst() throws Exception {
        try (var disk =
                        LoopFileSystem.make(
                                folder, LoopFileSystem.Kind.EXT4, 256 * TestDriver.MIB);
                var driver = TestDriver.start(folder, NODE, pool(disk))) {
            for (var i = 0; i < 5; i++) {
                live(driver, "first" + i);
            }
            var free = free(driver);
            var descriptors = descriptors();
            for (var i = 0; i < LIVES; i++) {
                live(driver, "life" + i);
            }
            Polling.await(
                    "all bytes are free again",
                    Duration.ofSeconds(60),
                    () -> free(driver) >= free - TestDriver.MIB);
            Polling.await(
                    "no more descriptors are open than after the first lives",
                    Duration.ofSeconds(60),
                    () -> descriptors() <= descriptors);
            assertThat(disk.mountPoint().resolve("ssd/volumes")).isEmptyDirectory();
        }
    }

    /// On a disk of its own, where nobody else takes or frees bytes.
    private static String pool(LoopFileSystem disk) {
        return "attach: false\npools: {ssd: {type: file, path: %s/ssd}}\n"
                .formatted(disk.mountPoint());
    }

    private void live(TestDriver driver, String name) throws Exception {
        if (random.nextBoolean()) { // the work goes on, and the next call joins it
            giveUp(driver, name);
        }
        var id = driver.create(name);
        if (random.nextInt(4) == 0) {
            refusal(() -> driver.publish(id, Map.of(), name, SINGLE_NODE_WRITER, false));
        } else {
            driver.stage(id, Map.of(), SINGLE_NODE_WRITER);
            use(driver, id, name);
            driver.unstage(id);
        }
        driver.delete(id);
    }

    private void use(TestDriver driver, String id, String target) throws Exception {
        if (random.nextBoolean()) {
            refusal(() -> driver.stage(id, Map.of(), MULTI_NODE_READER_ONLY));
        }
        if (random.nextBoolean()) {
            refusal(() -> driver.node().nodeExpandVolume(expand(id, folder.resolve("nothing"))));
        }
        driver.publish(id, Map.of(), target, SINGLE_NODE_WRITER, false);
        switch (random.nextInt(3)) {
            case 0 -> refusal(() -> deleteInUse(driver, id));
            case 1 -> driver.publish(id, Map.of(), target, SINGLE_NODE_WRITER, false);
            default ->
                    refusal(
                            () ->
                                    driver.publish(
                                            id, Map.of(), "second", SINGLE_NODE_WRITER, false));
        }
        driver.unpublish(id, target);
    }

    private void giveUp(TestDriver driver, String name) {
        try {
            var _ =
                    driver.controller()
                            .withDeadlineAfter(1 + random.nextInt(5000), TimeUnit.MICROSECONDS)
                            .createVolume(TestDriver.createRequest(name));
        } catch (StatusRuntimeException e) {
            assertThat(e.getStatus().getCode())
                    .isIn(Status.Code.DEADLINE_EXCEEDED, Status.Code.ABORTED);
        }
    }

    private static Object deleteInUse(TestDriver driver, String id) {
        driver.delete(id);
        return id;
    }

    private static NodeExpandVolumeRequest expand(String id, Path path) {
        return NodeExpandVolumeRequest.newBuilder()
                .setVolumeId(id)
                .setVolumePath(path.toString())
                .build();
    }

    private static long free(TestDriver driver) {
        return driver.controller()
                .getCapacity(GetCapacityRequest.getDefaultInstance())
                .getAvailableCapacity();
    }

    private static long descriptors() throws IOException {
        try (var open = Files.list(Path.of("/proc/self/fd"))) {
            return open.count();
        }
    }
}
