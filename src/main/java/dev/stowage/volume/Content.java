package dev.stowage.volume;

/// What a volume begins with.
public sealed interface Content {
    /// Zeros.
    record Blank() implements Content {}

    record OfSnapshot(SnapshotId snapshot) implements Content {}

    /// What the other volume held when this one was made.
    record OfVolume(VolumeId volume) implements Content {}
}
