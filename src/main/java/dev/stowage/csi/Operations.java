package dev.stowage.csi;

import com.google.protobuf.Message;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.Executor;

/// What runs on volumes in this process, shared by the Controller and Node services: they must not
/// work on one volume at the same time either.
public final class Operations {
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    /// Shorter than the kubelet's two minutes for one call (pkg/volume/csi, csiTimeout).
    private static final Duration REPLY_LIMIT = Duration.ofSeconds(100);

    /// A reading waits for nobody, and a hung volume is told of soon.
    private static final Duration READING_LIMIT = Duration.ofSeconds(5);

    private final InFlight changes;
    private final InFlight readings;

    /// @param workers runs the work; a task handed to it must not wait for another
    public Operations(Executor workers) {
        this.changes = new InFlight(workers, PATIENCE, REPLY_LIMIT);
        this.readings = new InFlight(workers, Duration.ZERO, READING_LIMIT);
    }

    /// Runs what changes the volume, one at a time.
    <T extends Message> T run(String volume, String what, Message request, Callable<T> work)
            throws Exception {
        return changes.run(volume, what, request, work);
    }

    /// Runs what only looks at `subject`, whatever else goes on; equal readings are made once.
    <T extends Message> T read(String subject, String what, Message request, Callable<T> work)
            throws Exception {
        return readings.run(subject, what, request, work);
    }
}
