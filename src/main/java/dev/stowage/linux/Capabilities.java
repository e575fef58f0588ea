package dev.stowage.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// What this process may do beyond others (capabilities(7)).
///
/// @param effective a bit for each capability that it has
/// @param bounding a bit for each that it could have
/// @param known how many this kernel has
public record Capabilities(long effective, long bounding, int known) {
    /// linux/capability.h
    public static final int SYS_RESOURCE = 24;

    public static Capabilities own() throws IOException {
        var last = Files.readString(Path.of("/proc/sys/kernel/cap_last_cap")).strip();
        return new Capabilities(field("CapEff:"), field("CapBnd:"), Integer.parseInt(last) + 1);
    }

    private static long field(String name) throws IOException {
        for (var line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith(name)) {
                return Long.parseUnsignedLong(line.substring(name.length()).strip(), 16);
            }
        }
        throw new IOException("/proc/self/status has no %s line".formatted(name));
    }

    public boolean has(int capability) {
        return (effective & (1L << capability)) != 0;
    }

    /// Whether it, or a program that it starts, could have it.
    public boolean bounds(int capability) {
        return (bounding & (1L << capability)) != 0;
    }

    /// How many it could have.
    public int bounded() {
        return Long.bitCount(bounding);
    }
}
