package dev.stowage.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.fabric8.kubernetes.api.model.PersistentVolume;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// `stowage volume ...` in the driver's pod on a node, as docs/install.md tells.
record PoolTool(Cluster cluster, Driver driver, String node) {
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    /// The manifest that was printed.
    PersistentVolume importVolume(String source, String... options) throws Exception {
        var words = new ArrayList<>(List.of("import", source));
        words.addAll(List.of(options));
        var printed = run(words).getBytes(UTF_8);
        return (PersistentVolume)
                cluster.client().load(new ByteArrayInputStream(printed)).items().getFirst();
    }

    private String run(List<String> words) throws Exception {
        var command = new ArrayList<>(List.of("stowage", "volume"));
        command.addAll(words);
        var out = new ByteArrayOutputStream();
        var err = new ByteArrayOutputStream();
        try (var exec =
                cluster.client()
                        .pods()
                        .inNamespace(Driver.NAMESPACE)
                        .withName(driver.podOn(node).getMetadata().getName())
                        .inContainer("driver")
                        .writingOutput(out)
                        .writingError(err)
                        .exec(command.toArray(String[]::new))) {
            var code = exec.exitCode().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            if (code != 0) {
                throw new AssertionError("%s ended with %d: %s".formatted(command, code, err));
            }
        }
        return out.toString(UTF_8);
    }
}
