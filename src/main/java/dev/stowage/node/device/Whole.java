package dev.stowage.node.device;

import dev.stowage.volume.Reason;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeException;

/// A device shows the whole of its volume, or is not touched: what is missing would look blank.
public final class Whole {
    private Whole() {}

    /// @throws VolumeException DAMAGED if the device is smaller than the volume's record says
    public static void require(Volume volume, BlockDevice device) {
        if (device.sizeBytes() < volume.capacityBytes()) {
            throw new VolumeException(
                    Reason.DAMAGED,
                    "volume %s should have %d bytes, but %s has %d: its image was cut off; restore it"
                            .formatted(
                                    volume.id(),
                                    volume.capacityBytes(),
                                    device.path(),
                                    device.sizeBytes()));
        }
    }
}
