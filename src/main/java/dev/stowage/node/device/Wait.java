package dev.stowage.node.device;

import dev.stowage.volume.IoSupplier;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/// Waiting for what the kernel does on its own, with an end.
public final class Wait {
    private static final long PAUSE_NANOS = 2_000_000;

    private Wait() {}

    /// Whether the condition came true within `limit`; asked at least once.
    public static boolean until(Duration limit, IoSupplier<Boolean> condition) throws IOException {
        var start = System.nanoTime();
        while (!condition.get()) {
            if (System.nanoTime() - start > limit.toNanos()) {
                return false;
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
        return true;
    }
}
