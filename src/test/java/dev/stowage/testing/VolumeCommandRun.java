package dev.stowage.testing;

import static dev.stowage.testing.TestDriver.NODE;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.stowage.Main;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// `stowage volume ...` for the pool `ssd` of a [TestDriver] in this folder.
public record VolumeCommandRun(Path folder) {
    private static final YAMLMapper YAML = new YAMLMapper();

    /// What a command printed, and how it ended.
    public record Outcome(int code, String out, String err) {
        public JsonNode manifest() throws IOException {
            assertThat(code).as(err).isZero();
            return YAML.readTree(out);
        }

        public String id() throws IOException {
            return manifest().at("/spec/csi/volumeHandle").textValue();
        }

        /// What a person is told; it was not carried out.
        public String refusal() {
            assertThat(code).as(out).isEqualTo(1);
            assertThat(out).isEmpty();
            assertThat(err).startsWith("stowage: ").doesNotContain("\tat ");
            return err;
        }
    }

    public Outcome volume(String command, String... more) {
        var arguments =
                new ArrayList<>(
                        List.of(
                                "volume",
                                command,
                                "--config",
                                folder.resolve(NODE + ".yaml").toString(),
                                "--pool=ssd",
                                "--node-id=" + NODE));
        arguments.addAll(List.of(more));
        var out = new StringWriter();
        var err = new StringWriter();
        var code =
                Main.commandLine()
                        .setOut(new PrintWriter(out))
                        .setErr(new PrintWriter(err))
                        .execute(arguments.toArray(String[]::new));
        return new Outcome(code, out.toString(), err.toString());
    }

    public Outcome imported(Path source, String... more) {
        var arguments = new ArrayList<>(List.of(source.toString(), "--name=orders"));
        arguments.addAll(List.of(more));
        return volume("import", arguments.toArray(String[]::new));
    }

    /// The image of a volume.
    public Path stored(String id) {
        return folder.resolve("ssd/volumes").resolve(id).resolve("image");
    }

    /// No import has left anything.
    public void nothingWasMade() throws IOException {
        for (var where : List.of("volumes", ".incoming", ".drivers")) {
            try (var entries = Files.list(folder.resolve("ssd").resolve(where))) {
                assertThat(entries).as(where).isEmpty();
            }
        }
    }
}
