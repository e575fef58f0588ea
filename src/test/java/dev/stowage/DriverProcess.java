package dev.stowage;

import csi.v1.ProbeRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// A driver as a process of its own, with its files in a folder: `<name>.yaml`, `<name>.sock`,
/// `<name>.log`, `state-<name>`.
final class DriverProcess implements AutoCloseable {
    private final Path folder;
    private final String name;
    private final Process process;

    private DriverProcess(Path folder, String name, Process process) {
        this.folder = folder;
        this.name = name;
        this.process = process;
    }

    /// @param yaml the configuration but `state`
    static DriverProcess start(Path folder, String name, String yaml, String... options)
            throws IOException {
        return startLogging(folder, name, yaml, "INFO", options);
    }

    static DriverProcess startLogging(
            Path folder, String name, String yaml, String logLevel, String... options)
            throws IOException {
        var classPath = System.getProperty("java.class.path");
        return start(folder, name, yaml, logLevel, List.of(), classPath, options);
    }

    /// As another user, with no group but that user's.
    ///
    /// @param program a copy of this JVM's class path that the user can read
    static DriverProcess startAs(
            int user, Path program, Path folder, String name, String yaml, String... options)
            throws IOException {
        var as = List.of("setpriv", "--reuid=" + user, "--regid=" + user, "--clear-groups");
        return start(
                folder, name, yaml, "INFO", as, program + "/classes:" + program + "/*", options);
    }

    /// Run by another program, such as env(1), which becomes the driver.
    static DriverProcess startBy(
            List<String> runner, Path folder, String name, String yaml, String... options)
            throws IOException {
        var classPath = System.getProperty("java.class.path");
        return start(folder, name, yaml, "INFO", runner, classPath, options);
    }

    private static DriverProcess start(
            Path folder,
            String name,
            String yaml,
            String logLevel,
            List<String> prefix,
            String classPath,
            String... options)
            throws IOException {
        var config =
                Files.writeString(
                        folder.resolve(name + ".yaml"),
                        "state: %s/state-%s\n".formatted(folder, name) + yaml);
        var command = new ArrayList<>(prefix);
        command.addAll(
                List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "--sun-misc-unsafe-memory-access=allow",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-Dlogback.configurationFile="
                                + Path.of("src/main/resources/logback.xml").toAbsolutePath(),
                        "-cp",
                        classPath,
                        "dev.stowage.Main",
                        "serve",
                        "--config=" + config,
                        "--endpoint=unix://" + folder.resolve(name + ".sock"),
                        "--node-id=" + name));
        command.addAll(List.of(options));
        var builder =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(
                                ProcessBuilder.Redirect.appendTo(
                                        folder.resolve(name + ".log").toFile()));
        builder.environment().put("STOWAGE_LOG_LEVEL", logLevel);
        return new DriverProcess(folder, name, builder.start());
    }

    Path socket() {
        return folder.resolve(name + ".sock");
    }

    String log() throws IOException {
        return Files.readString(folder.resolve(name + ".log"));
    }

    boolean ready(CsiClient client) {
        return client.identity().probe(ProbeRequest.getDefaultInstance()).getReady().getValue();
    }

    void awaitReady() {
        try (var client = new CsiClient(socket())) {
            while (!ready(client)) {
                Thread.onSpinWait();
            }
        }
    }

    long pid() {
        return process.pid();
    }

    Stream<ProcessHandle> children() {
        return process.descendants();
    }

    void terminate() {
        process.destroy();
    }

    boolean awaitEnd(int seconds) throws InterruptedException {
        return process.waitFor(seconds, TimeUnit.SECONDS);
    }

    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().join();
    }
}
