package dev.stowage;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// The Helm chart, as helm and an API server see it. Both are built from Go modules that e2e/tools
/// pins, once for each version, into a folder outside this one.
///
/// @param folder for what the programs print
record Chart(Path helm, Path manifests, Path folder) {
    static final Path FOLDER = Path.of("deploy", "helm", "stowage");

    /// Anything that the chart and its sidecars take; the rendering depends on it in no other way.
    private static final String KUBERNETES = "1.34.0";

    /// helm's and Kubernetes' packages from cold, on a machine that does other things too.
    private static final int BUILD_MINUTES = 40;

    private static final int RUN_MINUTES = 2;

    /// What a program printed, and whether it was content.
    record Said(boolean well, String text) {}

    static boolean available() {
        return CsiSanity.available();
    }

    static Chart build(Path folder) throws Exception {
        return new Chart(tool("helm", folder), tool("manifests", folder), folder);
    }

    private static Path tool(String name, Path folder) throws Exception {
        var log = folder.resolve("build-" + name + ".log");
        var builder =
                new ProcessBuilder("e2e/tools/build", name)
                        .redirectError(log.toFile())
                        .redirectInput(new File("/dev/null"));
        var said = run(builder, folder.resolve("built-" + name), BUILD_MINUTES);
        if (!said.well()) {
            throw new IOException(
                    "e2e/tools/build %s failed:%n%s".formatted(name, Files.readString(log)));
        }
        return Path.of(said.text().strip());
    }

    Said lint(Path values) throws Exception {
        return helm("lint", "--strict", FOLDER.toString(), "--values", values.toString());
    }

    /// The objects as YAML, or why there are none.
    Said render(String... arguments) throws Exception {
        var command =
                new ArrayList<>(
                        List.of(
                                "template",
                                "test",
                                FOLDER.toString(),
                                "--namespace",
                                "storage",
                                "--kube-version",
                                KUBERNETES));
        command.addAll(Arrays.asList(arguments));
        return helm(command.toArray(String[]::new));
    }

    /// Writes the manifests that ship to `target`.
    Said renderShipped(Path target) throws Exception {
        var builder = new ProcessBuilder("deploy/render", target.toString());
        builder.environment().put("HELM", helm.toString());
        return run(builder.redirectErrorStream(true), folder.resolve("render.out"), RUN_MINUTES);
    }

    /// What an API server would refuse.
    Said check(Path... files) throws Exception {
        var command = new ArrayList<>(List.of(manifests.toString()));
        Arrays.stream(files).map(Path::toString).forEach(command::add);
        return run(
                new ProcessBuilder(command).redirectErrorStream(true),
                folder.resolve("manifests.out"),
                RUN_MINUTES);
    }

    Said check(String yaml) throws Exception {
        return check(Files.writeString(folder.resolve("objects.yaml"), yaml));
    }

    private Said helm(String... arguments) throws Exception {
        var command = new ArrayList<>(List.of(helm.toString()));
        command.addAll(Arrays.asList(arguments));
        return run(
                new ProcessBuilder(command).redirectErrorStream(true),
                folder.resolve("helm.out"),
                RUN_MINUTES);
    }

    private static Said run(ProcessBuilder builder, Path output, int minutes) throws Exception {
        var process = builder.redirectOutput(output.toFile()).start();
        try {
            if (!process.waitFor(minutes, TimeUnit.MINUTES)) {
                throw new IOException(
                        "%s did not end within %d minutes".formatted(builder.command(), minutes));
            }
            return new Said(process.exitValue() == 0, Files.readString(output));
        } finally {
            process.destroyForcibly();
        }
    }
}
