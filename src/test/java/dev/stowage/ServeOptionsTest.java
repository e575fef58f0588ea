package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Failure case 74: options of `serve` are as strict as the configuration.
class ServeOptionsTest {
    @TempDir private Path folder;

    private record Said(int code, String text) {}

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--kubelet-dir= | --kubelet-dir is '': use an absolute path",
                "--kubelet-dir=var/lib/kubelet | --kubelet-dir is 'var/lib/kubelet': use an absolute path",
                "--kubelet-dir=/var/lib/../kubelet | --kubelet-dir is '/var/lib/../kubelet': use an absolute path without '..'",
                "--kubelet-dir=/ | --kubelet-dir is '/': use an absolute path below the root",
                "--endpoint= | endpoint '' is not an absolute unix socket",
                "--endpoint=unix:csi.sock | is not an absolute unix socket",
                "--endpoint=unix:///run/../csi.sock | --endpoint is '/run/../csi.sock': use an absolute path without '..'",
                "--endpoint=unix:///run/ | is a folder",
                "--endpoint=unix:///none/csi.sock --node-id= | node id '' is not valid",
                "--endpoint=unix:///none/csi.sock --node-id=n1 --http= | '' is no address to listen on",
                "--endpoint=unix:///none/csi.sock --node-id=n1 --http=9808 | '9808' is no address to listen on",
                "--endpoint=unix:///none/csi.sock --role= | Invalid value for option '--role'",
                "--endpoint=unix:///none/csi.sock --role=boss | Invalid value for option '--role'",
                "--node-id=a --node-id=b | option '--node-id' (NAME) should be specified only once",
                "--http=:1 --http=:2 | option '--http' ([ADDRESS]:PORT) should be specified only once",
                "--node-id=a more | Unmatched argument",
            })
    void whatWouldBeDroppedOrResolvedIsRefused(String options, String words) throws IOException {
        var said = serve(options.split(" "));
        assertThat(said.text()).contains(words).doesNotContain("\tat ");
        assertThat(said.code()).isNotZero();
    }

    @Test
    void aFileInThePlaceOfTheDriversFolderIsNamedWithTheReason() throws IOException {
        Files.createFile(folder.resolve("plugins"));
        var said = serve("--kubelet-dir=" + folder, "--node-id=n1");
        assertThat(said.text())
                .contains(
                        "can't make the folder %s/plugins/csi.stowage.dev for the driver's socket: Not a directory; move away what is in its place"
                                .formatted(folder))
                .doesNotContain("\tat ");
        assertThat(said.code()).isEqualTo(1);
    }

    @Test
    void anEmptyConfigurationsNameIsRefused() {
        var said = run(List.of("serve", "--config="));
        assertThat(said.text()).contains("--config is empty: name the file");
        assertThat(said.code()).isEqualTo(1);
    }

    private Said serve(String... options) throws IOException {
        var config =
                Files.writeString(
                        folder.resolve("stowage.yaml"),
                        "attach: false\nstate: %1$s/state\npools: {ssd: {type: file, path: %1$s/ssd}}\n"
                                .formatted(folder));
        var arguments = new ArrayList<>(List.of("serve", "--config=" + config));
        arguments.addAll(Arrays.asList(options));
        return run(arguments);
    }

    private static Said run(List<String> arguments) {
        var text = new StringWriter();
        var code =
                Main.commandLine()
                        .setErr(new PrintWriter(text, true))
                        .execute(arguments.toArray(String[]::new));
        return new Said(code, text.toString());
    }
}
