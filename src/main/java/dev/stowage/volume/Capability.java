package dev.stowage.volume;

/// One way in which a volume is to be used (CSI's VolumeCapability).
public record Capability(AccessMode mode, AccessType type) {}
