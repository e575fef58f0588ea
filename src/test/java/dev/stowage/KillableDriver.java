package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.testing.Polling;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/// A driver process that strace kills as it enters a system call, and the one that comes after it.
final class KillableDriver implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Path folder;
    private final String yaml;
    private DriverProcess process;
    private CsiClient client;

    /// @param yaml the configuration but `state`
    KillableDriver(Path folder, String yaml) throws Exception {
        this.folder = folder;
        this.yaml = yaml;
        process = started();
        client = new CsiClient(process.socket());
    }

    private DriverProcess started() throws Exception {
        var driver = DriverProcess.start(folder, "n1", yaml);
        driver.awaitReady();
        return driver;
    }

    CsiClient client() {
        return client;
    }

    void restart() throws Exception {
        close();
        process = started();
        client = new CsiClient(process.socket());
    }

    /// Calls while strace kills the driver at `step`, and starts the next driver.
    ///
    /// @param step a system call, `name` or `name:when=N` for the Nth
    void killedAt(String step, Runnable call) throws Exception {
        var name = step.split(":")[0];
        var when = step.contains(":") ? step : step + ":when=1";
        var log = folder.resolve("strace.log");
        var strace =
                new ProcessBuilder(
                                "strace",
                                "-f",
                                "-o",
                                "/dev/null",
                                "-e",
                                "trace=" + name,
                                "--inject=" + when.replace(":when", ":signal=KILL:when"),
                                "-p",
                                String.valueOf(process.pid()))
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start();
        try {
            Polling.await(
                    "strace is attached",
                    PATIENCE,
                    () -> Files.readString(log).contains("attached with"));
            try {
                call.run();
                throw new AssertionError("no " + step + " came");
            } catch (StatusRuntimeException e) {
                assertThat(e.getStatus().getCode()).as(step).isEqualTo(Status.Code.UNAVAILABLE);
            }
            assertThat(process.awaitEnd(30)).isTrue();
        } finally {
            strace.destroy();
            strace.waitFor();
        }
        restart();
    }

    @Override
    public void close() {
        client.close();
        process.close();
    }
}
