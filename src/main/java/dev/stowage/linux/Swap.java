package dev.stowage.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// What the kernel swaps to (proc_swaps(5)).
public final class Swap {
    private static final Path SWAPS = Path.of("/proc/swaps");

    private Swap() {}

    /// The paths of devices and files, as they were given to swapon(2).
    public static List<String> all() throws IOException {
        var paths = new ArrayList<String>();
        var lines = Octal.ofBytes(Files.readAllBytes(SWAPS)).split("\n");
        for (var i = 1; i < lines.length; i++) {
            paths.add(Octal.unescape(lines[i].split("[ \t]", 2)[0]));
        }
        return paths;
    }
}
