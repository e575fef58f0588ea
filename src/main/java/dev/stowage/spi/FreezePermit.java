package dev.stowage.spi;

import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.time.Duration;

/// Leave to freeze a volume in use while its bytes are copied, which stops whatever writes to it.
///
/// @param atMost when it is thawed at the latest, copied or not
public record FreezePermit(Freezer freezer, Duration atMost) {
    /// What a VolumeSnapshotClass calls the bound.
    public static final String KEY = "freezeSeconds";

    /// Half of what the kernel takes for a hung task (kernel.hung_task_timeout_secs, 120), which
    /// ends in a panic on some machines, and half of what the kubelet waits for a call.
    public static final int MAX_SECONDS = 60;

    /// The bound that a VolumeSnapshotClass gives.
    ///
    /// @throws VolumeException INVALID naming key, value and range
    public static Duration parse(String value) {
        var seconds = value.matches("[0-9]{1,9}") ? Integer.parseInt(value) : 0;
        if (seconds < 1 || seconds > MAX_SECONDS) {
            throw new VolumeException(
                    Reason.INVALID,
                    "%s is '%s': write whole seconds from 1 to %d, for which a volume in use may be frozen at most"
                            .formatted(KEY, value, MAX_SECONDS));
        }
        return Duration.ofSeconds(seconds);
    }
}
