package dev.stowage.pools;

import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Provisioning;

/// What a pool decides where a request is silent.
public record PoolDefaults(FileSystemType fileSystem, Provisioning provisioning) {}
