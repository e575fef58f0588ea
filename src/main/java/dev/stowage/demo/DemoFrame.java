package dev.stowage.demo;

import dev.stowage.lab.Narration;
import dev.stowage.lab.Workplace;
import dev.stowage.linux.Linux;
import java.io.IOException;

/// How a demo begins and ends: what is shown and where; and in the end that nothing is left behind.
record DemoFrame(Workplace place, Narration narration) {
    static final int SUCCESS = 0;
    private static final int FAILURE = 1;

    void open(String title) throws IOException {
        narration.title("%s, on Linux %s".formatted(title, Linux.kernel()));
        narration.say("in " + place.folder());
        narration.say("");
    }

    /// Cleans up after a demo that did not come to its end. Returns the exit code if that was
    /// wanted.
    ///
    /// @throws IOException with what happened
    int brokenOff(Exception e) throws IOException {
        var interrupted = Thread.interrupted(); // or nothing could be waited for
        try {
            place.close();
        } catch (IOException left) {
            e.addSuppressed(left);
            throw new IOException(e.getMessage() + "; and then: " + left.getMessage(), e);
        }
        if (interrupted) {
            narration.bad("Interrupted. All was cleaned up.");
            return FAILURE;
        }
        throw new IOException(e.getMessage() + " (all was cleaned up)", e);
    }

    /// Returns the exit code. The driver has undone all it did; what is in the way of an empty
    /// machine is said, then gone.
    int close() throws IOException {
        var left = place.remains();
        place.close();
        narration.say("");
        if (left.mounts().isEmpty() && left.loops().isEmpty() && place.remains().isEmpty()) {
            narration.good("Left behind: nothing (no mount, no loop device, no file).");
            return SUCCESS;
        }
        narration.bad(
                "Left behind by the driver, and removed now: " + String.join(", ", left.names()));
        return FAILURE;
    }
}
