package dev.stowage.spi;

import dev.stowage.volume.Condition;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.List;

/// One look at a volume on this node for something that may be wrong with it. Whoever does
/// something for staged volumes that can fail quietly has one. May hang where the volume does.
public interface VolumeCheck {
    /// What is wrong; empty where nothing is, or the volume is not in use here.
    List<Condition> conditions(VolumeId id) throws IOException;
}
