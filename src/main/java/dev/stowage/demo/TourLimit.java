package dev.stowage.demo;

import csi.v1.VolumeHealth.VolumeHealthEntry;
import dev.stowage.lab.Narration;
import dev.stowage.volume.Quantities;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// A limit that a raw device in use is given, and what a pod then finds.
///
/// @param pods the cgroup to which the limit applies; empty if none can be made here
record TourLimit(TourNode node, Narration narration, TourVolume device, Optional<TourCgroup> pods) {
    private static final String NOT_APPLIED = "LimitsNotApplied";
    private static final int CHUNK_BYTES = 64 << 10;
    private static final int CHUNKS = 128;
    private static final long LIMIT = 2L << 20;

    /// The kernel lets less than a second's worth through ahead.
    private static final Duration LEAST = Duration.ofSeconds(CHUNK_BYTES * CHUNKS / LIMIT - 1);

    void tell() throws IOException {
        narration.step("write", this::write);
        var complaint = narration.step("limit", this::limit, TourLimit::told);
        if (complaint.isPresent()) {
            narration.say(
                    "          The limit is recorded, but this machine can't apply it. Its health, %s:"
                            .formatted(NOT_APPLIED));
            narration.say("          " + complaint.get());
        } else if (pods.isEmpty()) {
            narration.say("          It is not seen here: no cgroup can be made for a process.");
        } else {
            narration.step("write", this::writeLimited);
        }
    }

    /// Returns what the driver has to say against it. Asking for the health sets the limit at once;
    /// else it is a matter of seconds.
    private Optional<String> limit() throws IOException {
        device.calls().modify(Map.of("writeBytesPerSecond", Long.toString(LIMIT)));
        var complaint =
                device.calls().health(node.client(), device.target()).stream()
                        .filter(entry -> entry.getReason().equals(NOT_APPLIED))
                        .map(VolumeHealthEntry::getMessage)
                        .findFirst();
        if (complaint.isEmpty()
                && pods.isPresent()
                && !pods.get().ioMax().contains("wbps=" + LIMIT)) {
            throw new IOException("the driver did not set the limit: " + pods.get().ioMax());
        }
        return complaint;
    }

    private static String told(Optional<String> complaint) {
        return "%s a second for writes, while in use: %s"
                .formatted(Quantities.text(LIMIT), complaint.isEmpty() ? "set" : "NOT applied");
    }

    private String write() throws IOException {
        return text(run());
    }

    private String writeLimited() throws IOException {
        var time = run();
        if (time.compareTo(LEAST) < 0) {
            throw new IOException("the limit does not hold: " + text(time));
        }
        return text(time);
    }

    private static String text(Duration time) {
        var bytes = (long) CHUNK_BYTES * CHUNKS;
        return String.format(
                Locale.ROOT,
                "%s, direct, by a process as in a pod: %.1f MiB a second",
                Quantities.text(bytes),
                bytes / 1048576.0 / (time.toNanos() / 1e9));
    }

    /// The process waits for what it is to write, so that it is in its group before.
    private Duration run() throws IOException {
        var process =
                new ProcessBuilder(
                                "dd",
                                "of=" + device.target(),
                                "bs=" + CHUNK_BYTES,
                                "iflag=fullblock",
                                "oflag=direct",
                                "conv=notrunc,fsync",
                                "status=none")
                        .redirectErrorStream(true)
                        .start();
        try {
            if (pods.isPresent()) {
                pods.get().add(process);
            }
            var started = System.nanoTime();
            feed(process);
            if (process.waitFor() != 0) {
                throw new IOException("dd failed: " + output(process));
            }
            return Duration.ofNanos(System.nanoTime() - started);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            end(process);
        }
    }

    private static void feed(Process process) throws IOException {
        try (var input = process.getOutputStream()) {
            for (var i = 0; i < CHUNKS; i++) {
                input.write(new byte[CHUNK_BYTES]);
            }
        } catch (IOException e) {
            throw new IOException("dd failed: " + output(process), e);
        }
    }

    private static String output(Process process) throws IOException {
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    }

    /// Its group can't go before it.
    private static void end(Process process) {
        process.destroyForcibly();
        process.onExit().join();
    }
}
