package dev.stowage.volume;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class FaultTest {
    /// A row of a table of reasons: `| \`PoolFull\` | DEGRADED |`.
    private static final Pattern ROW =
            Pattern.compile("(?m)^\\| `([A-Za-z]+)` \\| ([A-Z_]+)[,A-Z_ ]* \\|");

    @Test
    void whatIsDocumentedIsWhatThereIs() throws IOException {
        var documented =
                ROW.matcher(Files.readString(Path.of("docs/health.md")))
                        .results()
                        .collect(Collectors.toMap(row -> row.group(1), row -> row.group(2)));
        Map<String, String> known =
                Arrays.stream(Fault.values())
                        .collect(Collectors.toMap(Fault::word, fault -> fault.effect().name()));
        assertThat(documented).isEqualTo(known);
    }
}
