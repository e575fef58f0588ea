package dev.stowage.spi;

import dev.stowage.volume.LimitKey;
import dev.stowage.volume.Volume;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.Map;

/// A backend whose volumes can be changed while they are in use.
public interface Modifiable {
    /// Replaces what can be changed of the volume's limits, whole, durably. It is a wish: whoever
    /// has the volume finds it with [Backend#find] and acts on it. Again: nothing changes.
    ///
    /// @param mutable keys that are [LimitKey#mutable()]
    /// @throws VolumeException NOT_FOUND if there is no such volume
    Volume modify(VolumeId id, Map<LimitKey, Long> mutable) throws IOException;
}
