package dev.stowage.volume;

/// What a pool decides where a request is silent.
public record PoolDefaults(FileSystemType fileSystem, Provisioning provisioning) {}
