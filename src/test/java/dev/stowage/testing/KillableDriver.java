package dev.stowage.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stowage.client.CsiClient;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.util.List;

/// A driver process that strace kills as it enters a system call, and the one that comes after it.
public final class KillableDriver implements AutoCloseable {
    private final Path folder;
    private final String node;
    private final String yaml;
    private ServeProcess process;
    private CsiClient client;

    /// @param yaml the configuration but `state`
    public KillableDriver(Path folder, String yaml) throws Exception {
        this(folder, "n1", yaml);
    }

    /// @param yaml the configuration but `state`
    public KillableDriver(Path folder, String node, String yaml) throws Exception {
        this.folder = folder;
        this.node = node;
        this.yaml = yaml;
        process = started();
        client = new CsiClient(process.socket());
    }

    private ServeProcess started() throws Exception {
        var driver = ServeProcess.start(folder, node, yaml);
        driver.awaitReady();
        return driver;
    }

    public CsiClient client() {
        return client;
    }

    public long pid() {
        return process.pid();
    }

    public void restart() throws Exception {
        close();
        process = started();
        client = new CsiClient(process.socket());
    }

    /// Calls while strace kills the driver at `step`, and starts the next driver.
    ///
    /// @param step a system call, `name` or `name:when=N` for the Nth
    public void killedAt(String step, Runnable call) throws Exception {
        killedAt(step, call, _ -> {});
    }

    public interface Check {
        /// @param before the system call of the step and ioctls, until the kill
        void run(List<String> before) throws Exception;
    }

    /// As [#killedAt(String, Runnable)], with a look at what is left before the next driver starts.
    public void killedAt(String step, Runnable call, Check check) throws Exception {
        var name = step.split(":")[0];
        var when = step.contains(":") ? step : step + ":when=1";
        var inject = "--inject=" + when.replace(":when", ":signal=KILL:when");
        List<String> before;
        try (var strace = Strace.of(process.pid(), folder, name + ",ioctl", inject)) {
            try {
                call.run();
                throw new AssertionError("no " + step + " came");
            } catch (StatusRuntimeException e) {
                assertThat(e.getStatus().getCode()).as(step).isEqualTo(Status.Code.UNAVAILABLE);
            }
            assertThat(process.awaitEnd(30)).isTrue();
            before = strace.seen().takeWhile(line -> !line.contains("killed by SIGKILL")).toList();
        }
        check.run(before);
        restart();
    }

    @Override
    public void close() {
        client.close();
        process.close();
    }
}
