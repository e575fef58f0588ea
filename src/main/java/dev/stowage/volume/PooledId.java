package dev.stowage.volume;

/// The id of something that lies in a pool: `<pool>.<8 hex of the pool's uuid>.<letter><32 hex of a
/// hash of the requested name>`. The same name in the same pool always gives the same id, so a
/// create that is retried finds what it made before. The pool is found by its tag; its name is
/// there for people.
public sealed interface PooledId permits VolumeId, SnapshotId, GroupId {
    /// The name of the pool when it was made.
    String pool();

    /// The first eight hexadecimal digits of the pool's uuid.
    String poolTag();
}
