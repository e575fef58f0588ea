package dev.stowage.bench;

import dev.stowage.linux.Command;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/// What the driver is measured against: a shell, and a C program that is compiled on the spot.
///
/// @param program empty where there is no C compiler
record BenchPrograms(Path script, Optional<Path> program) {
    static final String SHELL = "shell";
    static final String PROGRAM = "C program";

    private static final Duration COMPILING = Duration.ofSeconds(60);

    /// Unpacks and compiles them into the folder.
    static BenchPrograms unpack(Path folder) throws IOException {
        var script = unpack("lifecycle.sh", folder);
        if (Command.find("cc").isEmpty()) {
            return new BenchPrograms(script, Optional.empty());
        }
        var source = unpack("lifecycle.c", folder);
        var program = folder.resolve("lifecycle");
        var _ =
                Command.run(
                        List.of(
                                "cc",
                                "-O2",
                                "-pthread",
                                "-o",
                                program.toString(),
                                source.toString()),
                        COMPILING);
        return new BenchPrograms(script, Optional.of(program));
    }

    private static Path unpack(String name, Path folder) throws IOException {
        var file = folder.resolve(name);
        try (var resource = resource(name)) {
            var _ = Files.copy(resource, file);
        }
        return file;
    }

    /// The durable steps of one life, as the driver makes them and the C program after it.
    static List<String> durableSteps() throws IOException {
        try (var resource = resource("durable-steps.txt")) {
            return new String(resource.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8)
                    .lines()
                    .toList();
        }
    }

    private static InputStream resource(String name) {
        return Objects.requireNonNull(
                BenchPrograms.class.getResourceAsStream("/dev/stowage/bench/" + name), name);
    }

    Contestant shell(Path folder, long bytes) throws IOException {
        return start(SHELL, List.of("sh", script.toString()), folder, bytes);
    }

    Optional<Contestant> program(Path folder, long bytes) throws IOException {
        return program.isEmpty()
                ? Optional.empty()
                : Optional.of(start(PROGRAM, List.of(program.get().toString()), folder, bytes));
    }

    private static Contestant start(String name, List<String> argv, Path folder, long bytes)
            throws IOException {
        Files.createDirectories(folder);
        var all = new java.util.ArrayList<>(argv);
        all.add(folder.toString());
        all.add(Long.toString(bytes));
        return new PipeContestant(name, all, folder.resolve("complaints"));
    }
}
