package dev.stowage.spi;

import dev.stowage.volume.Condition;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/// A backend that can tell what is wrong with its pool and with volumes that nobody uses. Changes
/// nothing, and hangs where the pool's disk does.
public interface Diagnosable {
    /// What is wrong with the pool as a whole, besides [Backend#sickness()].
    List<Condition> conditions() throws IOException;

    /// What is wrong with the volume itself, or with the pool in a way that this volume feels.
    ///
    /// @throws VolumeException NOT_FOUND if there is no such volume
    List<Condition> conditions(VolumeId id) throws IOException;

    /// The ids of all volumes after `after` in their order, those with a damaged record too.
    List<VolumeId> ids(Optional<VolumeId> after) throws IOException;
}
