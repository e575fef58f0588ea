package dev.stowage.node.limit;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.stowage.linux.Fd;
import dev.stowage.linux.OpenFlags;
import dev.stowage.volume.Limits;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;

/// The file `io.max` of a cgroup: what the processes in the group and in all below it may do in sum
/// to each device in a second (cgroup-v2.rst, "IO Interface Files"). A line stays when its device
/// is detached and meets whoever gets the device's number next, so lines are taken back first.
record IoMax(Path file) {
    private static final String UNLIMITED = "max";

    /// @param device `major:minor`
    Limits limits(String device) throws IOException {
        return Files.readAllLines(file, US_ASCII).stream()
                .map(line -> line.split(" "))
                .filter(words -> words[0].equals(device))
                .findFirst()
                .map(IoMax::parse)
                .orElse(Limits.NONE);
    }

    private static Limits parse(String[] words) {
        var values = new HashMap<String, String>();
        for (var word : words) {
            var equals = word.indexOf('=');
            if (equals > 0) {
                values.put(word.substring(0, equals), word.substring(equals + 1));
            }
        }
        return new Limits(
                number(values, "riops"),
                number(values, "wiops"),
                number(values, "rbps"),
                number(values, "wbps"));
    }

    private static OptionalLong number(Map<String, String> values, String key) {
        var value = values.getOrDefault(key, UNLIMITED);
        return value.equals(UNLIMITED)
                ? OptionalLong.empty()
                : OptionalLong.of(Long.parseLong(value));
    }

    /// Every limit of the device is replaced; those of other devices stay.
    void set(String device, Limits limits) throws IOException {
        try (var fd = Fd.open(file, OpenFlags.O_WRONLY)) {
            var _ = fd.write(ByteBuffer.wrap(line(device, limits).getBytes(US_ASCII)), 0);
        }
    }

    static String line(String device, Limits limits) {
        return "%s rbps=%s wbps=%s riops=%s wiops=%s\n"
                .formatted(
                        device,
                        text(limits.readBytesPerSecond()),
                        text(limits.writeBytesPerSecond()),
                        text(limits.readIops()),
                        text(limits.writeIops()));
    }

    private static String text(OptionalLong value) {
        return value.isPresent() ? Long.toString(value.getAsLong()) : UNLIMITED;
    }
}
