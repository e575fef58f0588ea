package dev.stowage.pools;

import dev.stowage.volume.AccessType;
import dev.stowage.volume.Capability;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.Content;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.LimitSettings;
import dev.stowage.volume.MkfsOptions;
import dev.stowage.volume.MountOptions;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Topology;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeSpec;
import java.util.List;
import java.util.Optional;

/// What a caller asks for, where the pool may still have a say.
///
/// @param pool the pool's name, or empty for the default one
/// @param capabilities every way in which the volume is to be used; at least one
/// @param requisite places one of which must reach the volume; empty: anywhere
/// @param content what the volume is to begin with
public record VolumeRequest(
        String name,
        Optional<String> pool,
        CapacityRange capacity,
        List<Capability> capabilities,
        List<String> mkfsOptions,
        Optional<Provisioning> provisioning,
        List<Topology> requisite,
        Content content,
        LimitSettings limits) {
    public VolumeRequest {
        capabilities = List.copyOf(capabilities);
        mkfsOptions = List.copyOf(mkfsOptions);
        requisite = List.copyOf(requisite);
    }

    /// The request with the pool's defaults where it is silent.
    VolumeSpec resolve(PoolDefaults defaults) {
        var fileSystem = fileSystem(defaults);
        fileSystem.ifPresentOrElse(
                fs -> MkfsOptions.check(fs, mkfsOptions), this::refuseMkfsOptions);
        checkMountOptions(fileSystem);
        return new VolumeSpec(
                name,
                capacity,
                fileSystem,
                mkfsOptions,
                provisioning.orElse(defaults.provisioning()),
                VolumeSpec.DEFAULT_BLOCK_SIZE,
                content,
                limits);
    }

    /// A volume that is to be mounted in any of the ways asked for needs a file system.
    private Optional<FileSystemType> fileSystem(PoolDefaults defaults) {
        var asked =
                capabilities.stream()
                        .map(Capability::type)
                        .filter(AccessType.Mount.class::isInstance)
                        .map(
                                type ->
                                        ((AccessType.Mount) type)
                                                .fileSystem()
                                                .orElse(defaults.fileSystem()))
                        .distinct()
                        .toList();
        if (asked.size() > 1) {
            throw new VolumeException(
                    Reason.INVALID,
                    "one volume can't have several file systems: "
                            + asked
                            + "; ask for one of them");
        }
        return asked.stream().findFirst();
    }

    private void refuseMkfsOptions() {
        if (!mkfsOptions.isEmpty()) {
            throw new VolumeException(
                    Reason.INVALID,
                    "mkfsOptions are given for a raw block volume, which nobody formats: remove them");
        }
    }

    private void checkMountOptions(Optional<FileSystemType> fileSystem) {
        for (var capability : capabilities) {
            if (capability.type() instanceof AccessType.Mount mount) {
                fileSystem.ifPresent(fs -> MountOptions.parse(fs, mount.flags()));
            }
        }
    }
}
