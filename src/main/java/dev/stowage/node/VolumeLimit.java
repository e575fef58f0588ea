package dev.stowage.node;

/// How many volumes one node takes.
public final class VolumeLimit {
    /// Each needs up to two loop devices (a second, read-only one for raw block) and at least two
    /// mounts. The kernel makes loop devices as they are asked for and allows 100,000 mounts in a
    /// mount namespace (fs.mount-max); what grows with the number is the time to read mountinfo
    /// and to look through the loop devices, under 10 ms here for a thousand.
    public static final int VOLUMES_PER_NODE = 1000;

    private VolumeLimit() {}
}
