package dev.stowage.bench;

import dev.stowage.lab.Workplace;
import dev.stowage.linux.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/// csi-sanity, the specification's own tests, where the machine has it.
record Sanity(Path program) {
    private static final Duration LIMIT = Duration.ofMinutes(5);

    /// A little over what mkfs.xfs wants, 300 MiB.
    private static final long VOLUME_BYTES = 320L << 20;

    /// Ginkgo's closing line: `SUCCESS! -- 70 Passed | 0 Failed | 1 Pending | 21 Skipped`.
    private static final Pattern RESULT =
            Pattern.compile("(\\d+) Passed.*?(\\d+) Failed.*?(\\d+) Skipped");

    private static final Pattern COLOURS = Pattern.compile("\u001b\\[[0-9;]*m");

    static Optional<Sanity> find() {
        var home = System.getenv().getOrDefault("HOME", "/root");
        var goPath = Path.of(System.getenv().getOrDefault("GOPATH", home + "/go"));
        var installed = goPath.resolve("bin/csi-sanity");
        return Command.find("csi-sanity")
                .or(() -> Files.isExecutable(installed) ? Optional.of(installed) : Optional.empty())
                .map(Sanity::new);
    }

    /// Runs it against a driver whose volumes are XFS unless asked otherwise.
    ///
    /// @return a sentence about what came of it
    String run(Path socket, Workplace place) throws IOException {
        var output =
                Command.run(
                        List.of(
                                program.toString(),
                                "--csi.endpoint=unix://" + socket,
                                "--csi.mountdir=" + place.makeFolder("sanity").resolve("mount"),
                                "--csi.stagingdir=" + place.folder().resolve("sanity/staging"),
                                "--csi.testvolumesize=" + VOLUME_BYTES,
                                "--csi.testvolumeexpandsize=" + 2 * VOLUME_BYTES),
                        LIMIT,
                        java.util.Set.of(0, 1));
        var text = COLOURS.matcher(output.stdout()).replaceAll("");
        var result = RESULT.matcher(text);
        if (!result.find()) {
            throw new IOException("csi-sanity did not run: " + text + output.stderr());
        }
        return "csi-sanity: %s passed, %s failed, %s skipped"
                .formatted(result.group(1), result.group(2), result.group(3));
    }
}
