package dev.stowage.node;

import dev.stowage.linux.Mounts;
import dev.stowage.node.device.Connector.Connection;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Path;

/// Takes back what a failed operation has done. What fails here is said beside the failure that
/// caused it, and found again from the kernel's tables by the next attempt.
final class Undo {
    private Undo() {}

    /// Gives back a device that is not in use, also one that a killed driver left.
    static void release(Connection connection, Exception failure) {
        var busy = failure instanceof VolumeException e && e.reason() == Reason.BUSY;
        try {
            if (!busy && (connection.madeNow() || !connection.device().held())) {
                connection.device().release();
            }
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    static void unmount(Path mountPoint, Exception failure) {
        try {
            Mounts.unmount(mountPoint);
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }
}
