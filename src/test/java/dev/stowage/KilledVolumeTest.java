package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.ListVolumesRequest;
import dev.stowage.client.VolumeClient;
import dev.stowage.testing.KillableDriver;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.Polling;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Failure case 36: a driver that strace kills as it makes, deletes, unpublishes or unstages a
/// volume, and the one that comes after it.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class KilledVolumeTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir(factory = TestFolder.class)
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private KillableDriver driver;

    @BeforeEach
    void start() throws Exception {
        var yaml = "attach: false\npools: {ssd: {type: file, path: %s/ssd}}\n".formatted(folder);
        driver = new KillableDriver(folder, yaml);
    }

    @AfterEach
    void end() {
        driver.close();
    }

    @Test
    void aCreateThatIsKilledIsDoneByTheRetryUnderTheSameId() throws Exception {
        var expected = created();
        expected.delete();
        for (var step : List.of("fallocate", "fsync:when=1", "fsync:when=3", "renameat2")) {
            driver.killedAt(step, this::created);
            await(step, ".incoming");
            var volume = created();
            assertThat(volume.id()).as(step).isEqualTo(expected.id());
            assertThat(listed()).as(step).isEqualTo(1);
            volume.delete();
            assertThat(listed()).as(step).isZero();
        }
    }

    @Test
    void aDeleteThatIsKilledIsDoneByTheRetryAndItsBytesAreFreedAtTheNextStart() throws Exception {
        for (var step : List.of("renameat2", "fsync:when=1", "fsync:when=2")) {
            driver.killedAt(step, created()::delete);
            created().delete();
            assertThat(listed()).as(step).isZero();
            await(step, ".trash");
        }
    }

    @Test
    void anUnpublishOrUnstageThatIsKilledIsDoneByTheRetry() throws Exception {
        var staging = Files.createDirectory(folder.resolve("staging"));
        var target = folder.resolve("target");
        for (var step : List.of("umount2", "ioctl:when=2")) {
            var volume = created();
            volume.stage(driver.client(), staging);
            volume.publish(driver.client(), staging, target);
            if (step.equals("umount2")) {
                driver.killedAt(step, () -> volume.unpublish(driver.client(), target));
            }
            created().unpublish(driver.client(), target);
            assertThat(target).doesNotExist();
            driver.killedAt(step, () -> volume.unstage(driver.client(), staging));
            created().unstage(driver.client(), staging);
            assertThat(Files.readString(Path.of("/proc/self/mountinfo"), ISO_8859_1))
                    .as(step)
                    .doesNotContain(folder.toString());
            created().delete(); // refused while a loop device has the image
        }
    }

    /// The volume, made by this or an earlier call.
    private VolumeClient created() {
        var volume = new VolumeClient(driver.client(), TestDriver.mount(SINGLE_NODE_WRITER));
        volume.create("data", 32 * TestDriver.MIB);
        return volume;
    }

    private int listed() {
        return driver.client()
                .controller()
                .listVolumes(ListVolumesRequest.getDefaultInstance())
                .getEntriesCount();
    }

    private void await(String step, String emptied) throws Exception {
        Polling.await(step + ": " + emptied + " is empty", PATIENCE, () -> isEmpty(emptied));
    }

    private boolean isEmpty(String name) throws IOException {
        try (var entries = Files.list(folder.resolve("ssd").resolve(name))) {
            return entries.findAny().isEmpty();
        }
    }
}
