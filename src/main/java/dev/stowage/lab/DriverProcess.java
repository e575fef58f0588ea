package dev.stowage.lab;

import csi.v1.GetPluginInfoRequest;
import dev.stowage.client.CsiClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/// The driver as a process of its own, with the JVM and the flags that this one was started with.
///
/// @param startedIn from the start of the process to the first answered call
public record DriverProcess(Process process, Path socket, Duration startedIn)
        implements AutoCloseable {
    /// A second here is half a minute in an emulated machine that has company.
    private static final Duration START_LIMIT = Duration.ofMinutes(3);
    private static final String LOG = "driver.log";
    /// By name: the room that wires the program may import this one, not the other way.
    private static final String PROGRAM = "dev.stowage.Main";

    private static final long PAUSE_NANOS = 500_000;
    private static final Duration ENDING = Duration.ofSeconds(25);

    /// @param folder for the socket and the log
    public static DriverProcess start(Path folder, Path config, String node) throws IOException {
        var socket = folder.resolve("csi.sock");
        var log = folder.resolve(LOG);
        var started = System.nanoTime();
        var process =
                new ProcessBuilder(argv(config, socket, node))
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                        .start();
        try {
            awaitSocket(process, socket, log);
            try (var client = new CsiClient(socket)) {
                var _ = client.identity().getPluginInfo(GetPluginInfoRequest.getDefaultInstance());
                var startedIn = Duration.ofNanos(System.nanoTime() - started);
                return new DriverProcess(process, socket, startedIn);
            }
        } catch (IOException | RuntimeException e) {
            process.destroyForcibly();
            throw e;
        }
    }

    private static List<String> argv(Path config, Path socket, String node) {
        var argv = new ArrayList<String>();
        argv.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        argv.addAll(ownFlags());
        argv.addAll(List.of("-cp", System.getProperty("java.class.path"), PROGRAM));
        argv.addAll(
                List.of(
                        "serve",
                        "--config",
                        config.toString(),
                        "--endpoint",
                        "unix://" + socket,
                        "--node-id",
                        node));
        return argv;
    }

    /// The launcher is the one place that knows them.
    private static List<String> ownFlags() {
        var arguments = ProcessHandle.current().info().arguments().orElse(new String[0]);
        var flags = new ArrayList<String>();
        for (var argument : arguments) {
            if (!argument.startsWith("-") || argument.equals("-jar") || argument.equals("-cp")) {
                break;
            }
            flags.add(argument);
        }
        return flags;
    }

    private static void awaitSocket(Process process, Path socket, Path log) throws IOException {
        var end = System.nanoTime() + START_LIMIT.toNanos();
        while (!Files.exists(socket)) {
            if (!process.isAlive() || interrupted() || System.nanoTime() - end >= 0) {
                throw new IOException("the driver did not start: " + Files.readString(log).strip());
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private static boolean interrupted() {
        return Thread.currentThread().isInterrupted();
    }

    /// What it says, as much as STOWAGE_LOG_LEVEL lets it.
    public Path log() {
        return socket.resolveSibling(LOG);
    }

    /// proc_pid_status(5), VmRSS.
    public long residentBytes() throws IOException {
        for (var line : Files.readAllLines(Path.of("/proc/" + process.pid() + "/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
            }
        }
        throw new IOException("the driver has ended");
    }

    /// Waits also when interrupted: a driver that is killed gives back less than one that ends.
    @Override
    public void close() {
        process.destroy();
        var end = System.nanoTime() + ENDING.toNanos();
        var interrupted = false;
        while (process.isAlive() && System.nanoTime() - end < 0) {
            try {
                var _ = process.waitFor(end - System.nanoTime(), TimeUnit.NANOSECONDS);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        process.destroyForcibly();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
