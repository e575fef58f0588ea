package dev.stowage;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// Builds and runs csi-sanity, pinned.
final class CsiSanity {
    private static final String VERSION = "v5.6.0";
    private static final String MODULE =
            "github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity@" + VERSION;
    private static final Path FOLDER = Path.of("target", "csi-sanity-" + VERSION).toAbsolutePath();

    private CsiSanity() {}

    /// What csi-sanity said: the names of specs by how they ended.
    record Report(List<String> passed, List<String> skipped, List<String> failed, Path output) {}

    static boolean available() {
        return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, "go")));
    }

    static Report run(String endpoint, String accessType, Path folder) throws Exception {
        var json = folder.resolve("report.json");
        var mutable = Files.writeString(folder.resolve("mutable.yaml"), "readIops: 2k\n");
        var output =
                Files.createDirectories(Path.of("target", "csi-sanity"))
                        .resolve("last-" + accessType + ".log");
        execute(
                output,
                binary().toString(),
                "--csi.endpoint=" + endpoint,
                "--csi.mountdir=" + folder.resolve("mount"),
                "--csi.stagingdir=" + folder.resolve("staging"),
                "--csi.testvolumeaccesstype=" + accessType,
                "--csi.testvolumesize=" + (512L << 20),
                "--csi.testvolumeexpandsize=" + (768L << 20),
                "--csi.testnodevolumeattachlimit",
                "--csi.testvolumemutableparameters=" + mutable,
                "--ginkgo.no-color",
                "--ginkgo.json-report=" + json);
        return parse(JsonMapper.builder().build().readTree(json.toFile()), output);
    }

    /// Built once; Go keeps what it downloads and compiles in its own caches.
    private static Path binary() throws Exception {
        var binary = FOLDER.resolve("csi-sanity");
        if (!Files.isExecutable(binary)) {
            Files.createDirectories(FOLDER);
            var log = FOLDER.resolve("build.log");
            var builder = new ProcessBuilder("go", "install", MODULE);
            builder.environment().put("GOBIN", FOLDER.toString());
            if (waitFor(builder, log, 15) != 0) {
                throw new IOException(
                        "go install %s failed:%n%s".formatted(MODULE, Files.readString(log)));
            }
        }
        return binary;
    }

    private static void execute(Path output, String... command) throws Exception {
        // Its exit code says no more than the report does.
        waitFor(new ProcessBuilder(command), output, 20);
    }

    private static int waitFor(ProcessBuilder builder, Path output, int minutes) throws Exception {
        var process =
                builder.redirectErrorStream(true)
                        .redirectOutput(output.toFile())
                        .redirectInput(new File("/dev/null"))
                        .start();
        try {
            if (!process.waitFor(minutes, TimeUnit.MINUTES)) {
                throw new IOException(
                        "%s did not end within %d minutes".formatted(builder.command(), minutes));
            }
            return process.exitValue();
        } finally {
            process.destroyForcibly();
        }
    }

    private static Report parse(JsonNode suites, Path output) {
        var report = new Report(new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), output);
        for (var suite : suites) {
            for (var spec : suite.path("SpecReports")) {
                if (spec.path("LeafNodeType").asText().equals("It")) {
                    add(report, spec);
                } else if (!spec.path("State").asText().equals("passed")) {
                    report.failed().add(describe(spec));
                }
            }
        }
        return report;
    }

    private static void add(Report report, JsonNode spec) {
        switch (spec.path("State").asText()) {
            case "passed" -> report.passed().add(name(spec));
            case "skipped", "pending" -> report.skipped().add(name(spec));
            default -> report.failed().add(name(spec));
        }
    }

    private static String name(JsonNode spec) {
        var words = new ArrayList<String>();
        spec.path("ContainerHierarchyTexts").forEach(text -> words.add(text.asText()));
        words.add(spec.path("LeafNodeText").asText());
        return String.join(" ", words);
    }

    private static String describe(JsonNode spec) {
        return name(spec) + ": " + spec.path("Failure").path("Message").asText();
    }
}
