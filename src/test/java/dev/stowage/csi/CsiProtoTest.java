package dev.stowage.csi;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import csi.v1.Csi;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Holds proto/csi.proto to the specification's own file, which is fetched as a Go module (its hash
/// is written below) and compiled by the protoc that the build itself uses.
class CsiProtoTest {

    private static final String MODULE = "github.com/container-storage-interface/spec";
    private static final String VERSION = "v1.13.0";

    /// What go.sum says of that version: other bytes under the same version fail the test.
    private static final String SUM = "h1:6ja3nYoACisewTPAAZkJ1pbf4+1ehhvt9Z/nYgWGHGw=";

    /// The messages in which the Java accessors of `parameters` and `mutable_parameters` collide.
    private static final List<String> RENAMED =
            List.of(
                    ".csi.v1.CreateVolumeRequest",
                    ".csi.v1.ValidateVolumeCapabilitiesRequest",
                    ".csi.v1.ValidateVolumeCapabilitiesResponse.Confirmed");

    /// Go may have to fetch a megabyte; the rest takes milliseconds.
    private static final int LIMIT_SECONDS = 120;

    @TempDir Path folder;

    @Test
    void ourProtocolIsTheSpecificationsButForOneRename() throws Exception {
        assumeTrue(
                isOnThePath("go"), "Skipped: fetching the CSI specification needs go on the PATH.");

        var specification = ProtoStatements.of(compile(upstream()));
        var ours =
                ProtoStatements.of(Csi.getDescriptor().toProto()).stream()
                        .map(CsiProtoTest::undoRename)
                        .collect(Collectors.toCollection(TreeSet::new));

        // Proof that there was something to compare.
        assertThat(specification)
                .contains("service .csi.v1.Identity", "message .csi.v1.VolumeCapability");
        assertThat(differences(specification, ours))
                .as("Differences between proto/csi.proto and CSI %s", VERSION)
                .isEmpty();
    }

    private static List<String> differences(Set<String> specification, Set<String> ours) {
        return Stream.concat(
                        specification.stream()
                                .filter(line -> !ours.contains(line))
                                .map(line -> line + "   <- only in the specification"),
                        ours.stream()
                                .filter(line -> !specification.contains(line))
                                .map(line -> line + "   <- only in ours"))
                .sorted()
                .toList();
    }

    private static String undoRename(String line) {
        var renamed = RENAMED.stream().anyMatch(name -> line.startsWith("message " + name + ": "));
        return renamed ? line.replace("> modifiable_parameters", "> mutable_parameters") : line;
    }

    private static boolean isOnThePath(String program) {
        return Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
    }

    private Path upstream() throws IOException, InterruptedException {
        Files.writeString(folder.resolve("go.mod"), "module specification\n");
        Files.writeString(folder.resolve("go.sum"), "%s %s %s\n".formatted(MODULE, VERSION, SUM));
        var answer = run("go", "mod", "download", "-json", MODULE + "@" + VERSION);
        return Path.of(new ObjectMapper().readTree(answer).required("Dir").textValue());
    }

    private FileDescriptorProto compile(Path specification)
            throws IOException, InterruptedException {
        var protoc = Path.of("target", "protoc", "protoc").toAbsolutePath();
        assertThat(protoc)
                .as("protoc as the build copies it: run mvn process-test-resources")
                .exists();
        assertThat(protoc.toFile().setExecutable(true)).isTrue();
        for (var name : List.of("descriptor", "timestamp", "wrappers")) {
            copyWellKnownType("google/protobuf/" + name + ".proto");
        }
        var output = folder.resolve("csi.binpb");
        run(
                protoc.toString(),
                "--proto_path=" + specification,
                "--proto_path=" + folder,
                "--descriptor_set_out=" + output,
                specification.resolve("csi.proto").toString());
        return FileDescriptorSet.parseFrom(Files.readAllBytes(output)).getFile(0);
    }

    /// protoc comes without the files that csi.proto imports; the jar of protobuf-java has them.
    private void copyWellKnownType(String name) throws IOException {
        try (var source = FileDescriptorSet.class.getResourceAsStream("/" + name)) {
            var target = folder.resolve(name);
            Files.createDirectories(target.resolve("..").normalize());
            Files.copy(requireNonNull(source, name), target);
        }
    }

    private String run(String... command) throws IOException, InterruptedException {
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
