package dev.stowage.pools;

import dev.stowage.volume.Condition;
import dev.stowage.volume.VolumeId;
import java.util.List;

/// What is wrong with one volume; nothing is known to be where the list is empty.
public record Diagnosis(VolumeId volume, List<Condition> conditions) {
    public Diagnosis {
        conditions = List.copyOf(conditions);
    }
}
