package dev.stowage;

import static dev.stowage.testing.TestDriver.NODE;

import java.nio.file.Path;
import java.util.List;

/// An import in a process of its own, killed as it enters a system call.
final class KilledImport {
    private KilledImport() {}

    /// @param step the call, and which one of these: `fsync:when=6`
    /// @param folder of a [TestDriver]
    /// @return the exit code
    static int at(String step, Path source, Path folder) throws Exception {
        var call = step.split(":")[0];
        var command =
                List.of(
                        "strace",
                        "-f",
                        "-qq",
                        "-o",
                        "/dev/null",
                        "-e",
                        "trace=" + call,
                        "--inject=" + step.replace(":when", ":signal=KILL:when"),
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "--sun-misc-unsafe-memory-access=allow",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-XX:-UsePerfData",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "dev.stowage.Main",
                        "volume",
                        "import",
                        source.toString(),
                        "--name=orders",
                        "--pool=ssd",
                        "--node-id=somewhere",
                        "--config=" + folder.resolve(NODE + ".yaml"));
        var process =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("import.log").toFile())
                        .start();
        return process.waitFor();
    }
}
