package dev.stowage.e2e;

import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// The cluster that `e2e/cluster up` made and where `e2e/cluster install` put the driver.
final class Cluster implements AutoCloseable {

    private static final Path COMMAND = Path.of("e2e", "cluster");
    private static final Duration COMMAND_LIMIT = Duration.ofMinutes(5);

    private final KubernetesClient client;

    private Cluster(KubernetesClient client) {
        this.client = client;
    }

    static Cluster open() throws IOException, InterruptedException {
        var kubeconfig = work().resolve("admin.kubeconfig");
        if (!Files.exists(kubeconfig)) {
            throw new IllegalStateException("no cluster: run e2e/cluster up and install");
        }
        var config = Config.fromKubeconfig(kubeconfig.toFile());
        return new Cluster(new KubernetesClientBuilder().withConfig(config).build());
    }

    KubernetesClient client() {
        return client;
    }

    /// Runs a command inside `node1` or `node2`, as root there, and returns what it printed.
    String onNode(String node, String... command) throws IOException, InterruptedException {
        var arguments = new ArrayList<>(List.of("run", node));
        arguments.addAll(List.of(command));
        return run(arguments);
    }

    /// Runs `e2e/cluster` with these arguments, such as `helm list`, and returns what it printed.
    ///
    /// @throws IOException if it fails, with what it printed
    String command(String... arguments) throws IOException, InterruptedException {
        return run(List.of(arguments));
    }

    /// Kills what runs this program there; how many processes that were.
    int kill(String node, String program) throws IOException, InterruptedException {
        return Integer.parseInt(command("kill", node, program).strip());
    }

    @Override
    public void close() {
        client.close();
    }

    private static Path work() throws IOException, InterruptedException {
        return run(List.of("env"))
                .lines()
                .filter(line -> line.startsWith("STOWAGE_E2E_WORK="))
                .map(line -> Path.of(line.substring(line.indexOf('=') + 1)))
                .findFirst()
                .orElseThrow();
    }

    private static String run(List<String> arguments) throws IOException, InterruptedException {
        var command = new ArrayList<>(List.of(COMMAND.toString()));
        command.addAll(arguments);
        var output = Files.createTempFile("stowage-e2e", ".out");
        try {
            var process =
                    new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(output.toFile())
                            .start();
            if (!process.waitFor(COMMAND_LIMIT.toSeconds(), TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new IOException("%s did not end within %s".formatted(command, COMMAND_LIMIT));
            }
            var text = Files.readString(output);
            if (process.exitValue() != 0) {
                throw new IOException(
                        "%s ended with %d: %s".formatted(command, process.exitValue(), text));
            }
            return text;
        } finally {
            Files.delete(output);
        }
    }
}
