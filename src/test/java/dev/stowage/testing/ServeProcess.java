package dev.stowage.testing;

import csi.v1.ProbeRequest;
import dev.stowage.client.CsiClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// A driver as a process of its own, with its files in a folder: `<name>.yaml`, `<name>.sock`,
/// `<name>.log`, `state-<name>`.
public final class ServeProcess implements AutoCloseable {
    private final Path folder;
    private final String name;
    private final Process process;

    private ServeProcess(Path folder, String name, Process process) {
        this.folder = folder;
        this.name = name;
        this.process = process;
    }

    /// @param yaml the configuration but `state`
    public static ServeProcess start(Path folder, String name, String yaml, String... options)
            throws IOException {
        return startLogging(folder, name, yaml, "INFO", options);
    }

    public static ServeProcess startLogging(
            Path folder, String name, String yaml, String logLevel, String... options)
            throws IOException {
        var classPath = System.getProperty("java.class.path");
        return start(folder, name, yaml, logLevel, List.of(), classPath, options);
    }

    /// As another user, with no group but that user's.
    ///
    /// @param program a copy of this JVM's class path that the user can read
    public static ServeProcess startAs(
            int user, Path program, Path folder, String name, String yaml, String... options)
            throws IOException {
        var as = List.of("setpriv", "--reuid=" + user, "--regid=" + user, "--clear-groups");
        return start(
                folder, name, yaml, "INFO", as, program + "/classes:" + program + "/*", options);
    }

    /// Run by another program, such as env(1), which becomes the driver.
    public static ServeProcess startBy(
            List<String> runner, Path folder, String name, String yaml, String... options)
            throws IOException {
        var classPath = System.getProperty("java.class.path");
        return start(folder, name, yaml, "INFO", runner, classPath, options);
    }

    private static ServeProcess start(
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
        return new ServeProcess(folder, name, builder.start());
    }

    public Path socket() {
        return folder.resolve(name + ".sock");
    }

    public String log() throws IOException {
        return Files.readString(folder.resolve(name + ".log"));
    }

    public boolean ready(CsiClient client) {
        return client.identity().probe(ProbeRequest.getDefaultInstance()).getReady().getValue();
    }

    public void awaitReady() {
        try (var client = new CsiClient(socket())) {
            while (!ready(client)) {
                Thread.onSpinWait();
            }
        }
    }

    public long pid() {
        return process.pid();
    }

    public Stream<ProcessHandle> children() {
        return process.descendants();
    }

    public void terminate() {
        process.destroy();
    }

    public boolean awaitEnd(int seconds) throws InterruptedException {
        return process.waitFor(seconds, TimeUnit.SECONDS);
    }

    public void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().join();
    }
}
