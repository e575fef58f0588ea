package dev.stowage;

import static csi.v1.VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.client.CsiClient;
import dev.stowage.client.VolumeClient;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.ServeProcess;
import dev.stowage.testing.Strace;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Failure case 59: a driver whose system calls fail for want of something, or are interrupted.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class FailingSystemCallsTest {
    @TempDir(factory = TestFolder.class)
    private Path folder;

    @SuppressWarnings("NullAway.Init")
    private ServeProcess driver;

    @SuppressWarnings("NullAway.Init")
    private CsiClient client;

    @SuppressWarnings("NullAway.Init")
    private VolumeClient volume;

    @BeforeEach
    void start() throws Exception {
        var yaml = "attach: false\npools: {ssd: {type: file, path: %s/ssd}}\n".formatted(folder);
        driver = ServeProcess.start(folder, "n1", yaml);
        driver.awaitReady();
        client = new CsiClient(driver.socket());
        volume = new VolumeClient(client, TestDriver.mount(SINGLE_NODE_WRITER));
        Files.createDirectory(staging());
        // Whatever Java opens the first time is open when faults come.
        create();
        stage();
        volume.unstage(client, staging());
        volume.delete();
    }

    @AfterEach
    void end() {
        client.close();
        driver.close();
    }

    @Test
    void aCreateThatFailsLeavesNothingAndTheRetrySucceeds() throws Exception {
        for (var fault :
                List.of(
                        "fallocate:error=ENOSPC:when=1",
                        "fallocate:error=EINTR:when=1",
                        "openat:error=EMFILE:when=1",
                        "openat:error=EMFILE:when=4",
                        "mkdirat:error=ENOMEM:when=1",
                        "renameat2:error=ENOMEM:when=1")) {
            var code = codeOf(fault, this::create);
            assertThat(folder.resolve("ssd/.incoming")).as(fault).isEmptyDirectory();
            if (code != Status.Code.OK) {
                assertThat(folder.resolve("ssd/volumes")).as(fault).isEmptyDirectory();
            }
            create();
            volume.delete();
        }
    }

    @Test
    void aStageThatFailsLeavesNothingAndTheRetrySucceeds() throws Exception {
        create();
        for (var fault :
                List.of(
                        "openat:error=EMFILE:when=1",
                        "openat:error=EMFILE:when=7",
                        "ioctl:error=ENOMEM:when=2",
                        "ioctl:error=EINTR:when=2",
                        "fsopen:error=ENOMEM:when=1",
                        "fsconfig:error=ENOMEM:when=1",
                        "fsmount:error=ENOMEM:when=1",
                        "move_mount:error=ENOMEM:when=1")) {
            if (codeOf(fault, this::stage) != Status.Code.OK) {
                assertThat(mountsAndLoops()).as(fault).isEmpty();
            }
            stage();
            assertThat(mountsAndLoops()).as(fault).hasSize(2);
            volume.unstage(client, staging());
            assertThat(mountsAndLoops()).as(fault).isEmpty();
        }
    }

    /// How the call was answered while the kernel did as `fault` says.
    private Status.Code codeOf(String fault, Runnable call) throws Exception {
        var name = fault.substring(0, fault.indexOf(':'));
        try (var strace = Strace.of(driver.pid(), folder, name, "--inject=" + fault)) {
            var code = codeOf(call);
            assertThat(strace.seen()).as(fault).anyMatch(line -> line.contains("(INJECTED)"));
            if (fault.contains("EINTR")) {
                assertThat(code).as(fault).isEqualTo(Status.Code.OK);
            }
            assertThat(code)
                    .as(fault)
                    .isIn(Status.Code.OK, Status.Code.INTERNAL, Status.Code.RESOURCE_EXHAUSTED);
            return code;
        }
    }

    private static Status.Code codeOf(Runnable call) {
        try {
            call.run();
            return Status.Code.OK;
        } catch (StatusRuntimeException e) {
            return e.getStatus().getCode();
        }
    }

    private void create() {
        volume.create("data", 32 * TestDriver.MIB);
    }

    private void stage() {
        volume.stage(client, staging());
    }

    private Path staging() {
        return folder.resolve("staging");
    }

    private List<String> mountsAndLoops() throws IOException {
        var found =
                new ArrayList<>(
                        Files.readAllLines(Path.of("/proc/self/mountinfo"), ISO_8859_1).stream()
                                .filter(line -> line.contains(" " + staging() + " "))
                                .toList());
        try (var devices = Files.newDirectoryStream(Path.of("/sys/block"), "loop*")) {
            for (var device : devices) {
                var backing = device.resolve("loop/backing_file");
                try {
                    found.addAll(
                            Files.readAllLines(backing).stream()
                                    .filter(line -> line.startsWith(folder + "/"))
                                    .toList());
                } catch (IOException e) {
                    continue; // not bound, or no longer
                }
            }
        }
        return found;
    }
}
