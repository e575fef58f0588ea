package dev.stowage.volume;

/// What can be wrong with a volume or its pool, as far as this driver can see it. Each is described
/// in docs/health.md with what to do about it.
public enum Fault {
    /// The pool can't be used: it is missing, another one, or its disk does not answer as it
    /// should.
    POOL_UNAVAILABLE("PoolUnavailable", Effect.INACCESSIBLE),
    /// Whoever looks at the pool's disk waits.
    POOL_NOT_ANSWERING("PoolNotAnswering", Effect.INACCESSIBLE),
    /// An fsync failed: volumes work, but none can be made, changed or deleted.
    POOL_REFUSES_CHANGES("PoolRefusesChanges", Effect.DEGRADED),
    /// The pool's disk can't be written.
    POOL_READ_ONLY("PoolReadOnly", Effect.DEGRADED),
    /// There is no room on the pool's disk: what thin volumes have not written yet can't be.
    POOL_FULL("PoolFull", Effect.DEGRADED),
    /// As [#POOL_FULL], soon.
    POOL_NEARLY_FULL("PoolNearlyFull", Effect.DEGRADED),
    /// The pool's file system has too few inodes left for another volume.
    POOL_INODES_EXHAUSTED("PoolInodesExhausted", Effect.DEGRADED),
    /// A record of the volume can't be read, or not be understood.
    RECORD_UNREADABLE("RecordUnreadable", Effect.INACCESSIBLE),
    /// A record of the volume was written by a later version of this driver.
    NEWER_DRIVER_NEEDED("NewerDriverNeeded", Effect.INACCESSIBLE),
    IMAGE_MISSING("ImageMissing", Effect.DATA_LOSS),
    /// The image is shorter than the volume: somebody cut it.
    IMAGE_TOO_SHORT("ImageTooShort", Effect.DATA_LOSS),
    /// What the node has attached is not the file that has the image's name now.
    IMAGE_REPLACED("ImageReplaced", Effect.DATA_LOSS),
    DEVICE_UNREADABLE("DeviceUnreadable", Effect.INACCESSIBLE),
    /// The kernel found the file system's own structures or checksums wrong.
    FILE_SYSTEM_ERRORS("FileSystemErrors", Effect.DEGRADED),
    /// The kernel takes no more writes to a file system that was mounted writable.
    FILE_SYSTEM_READ_ONLY("FileSystemReadOnly", Effect.DEGRADED),
    /// The kernel has given the file system up: all access fails.
    FILE_SYSTEM_SHUT_DOWN("FileSystemShutDown", Effect.INACCESSIBLE),
    /// The file system is smaller than the volume, which was expanded.
    FILE_SYSTEM_NOT_GROWN("FileSystemNotGrown", Effect.DEGRADED),
    /// The volume has limits on I/O that this node can't hold it to.
    LIMITS_NOT_APPLIED("LimitsNotApplied", Effect.DEGRADED);

    /// What it does to the volume (CSI's VolumeHealthErrorType).
    public enum Effect {
        /// Usable, but not as it should be.
        DEGRADED,
        /// Not usable: from this node if a node says so, else from anywhere.
        INACCESSIBLE,
        /// Bytes are lost, or very probably are.
        DATA_LOSS
    }

    private final String word;
    private final Effect effect;

    Fault(String word, Effect effect) {
        this.word = word;
        this.effect = effect;
    }

    /// One CamelCase word, for programs. Never changes.
    public String word() {
        return word;
    }

    public Effect effect() {
        return effect;
    }
}
