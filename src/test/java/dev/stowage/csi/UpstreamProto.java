package dev.stowage.csi;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// A protocol's original file, which is fetched as part of a Go module and compiled by the protoc
/// that the build itself uses.
///
/// @param sum what go.sum says of that version: other bytes under the same version fail the test
/// @param file its path inside the module
record UpstreamProto(String module, String version, String sum, String file) {
    /// Go may have to fetch a megabyte; the rest takes milliseconds.
    private static final int LIMIT_SECONDS = 120;

    static boolean canBeFetched() {
        return Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, "go")));
    }

    /// What the file says.
    ///
    /// @param folder an empty one to work in
    Set<String> statements(Path folder) throws IOException, InterruptedException {
        return ProtoStatements.of(compile(fetch(folder), folder));
    }

    /// What only one of the two says; empty if `ours` is the same protocol.
    static List<String> differences(Set<String> upstream, Set<String> ours) {
        return Stream.concat(
                        upstream.stream()
                                .filter(line -> !ours.contains(line))
                                .map(line -> line + "   <- only in the original"),
                        ours.stream()
                                .filter(line -> !upstream.contains(line))
                                .map(line -> line + "   <- only in ours"))
                .sorted()
                .toList();
    }

    private Path fetch(Path folder) throws IOException, InterruptedException {
        Files.writeString(folder.resolve("go.mod"), "module original\n");
        Files.writeString(folder.resolve("go.sum"), "%s %s %s\n".formatted(module, version, sum));
        var answer = run(folder, "go", "mod", "download", "-json", module + "@" + version);
        return Path.of(new ObjectMapper().readTree(answer).required("Dir").textValue());
    }

    private FileDescriptorProto compile(Path source, Path folder)
            throws IOException, InterruptedException {
        var protoc = Path.of("target", "protoc", "protoc").toAbsolutePath();
        assertThat(protoc)
                .as("protoc as the build copies it: run mvn process-test-resources")
                .exists();
        assertThat(protoc.toFile().setExecutable(true)).isTrue();
        for (var name : List.of("descriptor", "timestamp", "wrappers")) {
            copyWellKnownType("google/protobuf/" + name + ".proto", folder);
        }
        var output = folder.resolve("original.binpb");
        run(
                folder,
                protoc.toString(),
                "--proto_path=" + source,
                "--proto_path=" + folder,
                "--descriptor_set_out=" + output,
                source.resolve(file).toString());
        return FileDescriptorSet.parseFrom(Files.readAllBytes(output)).getFile(0);
    }

    /// protoc comes without the files that a protocol may import; the jar of protobuf-java has
    /// them.
    private static void copyWellKnownType(String name, Path folder) throws IOException {
        try (var source = FileDescriptorSet.class.getResourceAsStream("/" + name)) {
            var target = folder.resolve(name);
            Files.createDirectories(target.resolve("..").normalize());
            Files.copy(requireNonNull(source, name), target);
        }
    }

    private static String run(Path folder, String... command)
            throws IOException, InterruptedException {
        var output = Files.createTempFile(folder, "output", "");
        var errors = Files.createTempFile(folder, "errors", "");
        var builder =
                new ProcessBuilder(command)
                        .directory(folder.toFile())
                        .redirectOutput(output.toFile())
                        .redirectError(errors.toFile());
        // What the developer has set for other Go work must not change what is fetched here.
        builder.environment().putAll(Map.of("GOFLAGS", "-mod=mod", "GOWORK", "off"));
        var process = builder.start();
        try {
            assertThat(process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS))
                    .as("%s ends within %d seconds", command[0], LIMIT_SECONDS)
                    .isTrue();
        } finally {
            process.destroyForcibly();
        }
        assertThat(process.exitValue())
                .as(
                        "exit code of %s, which said:\n%s%s",
                        String.join(" ", command),
                        Files.readString(output),
                        Files.readString(errors))
                .isZero();
        return Files.readString(output);
    }
}
