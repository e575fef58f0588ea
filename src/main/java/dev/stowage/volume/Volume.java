package dev.stowage.volume;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/// A volume as it was granted. Only its capacity ever changes, and only upwards, and
/// what is mutable of its limits.
///
/// @param requestedBytes what the claim asked for when the volume got this size; at most the
///     capacity, which is rounded up to what can be made
public record Volume(
        VolumeId id,
        String name,
        long capacityBytes,
        long requestedBytes,
        Optional<FileSystemType> fileSystem,
        List<String> mkfsOptions,
        Provisioning provisioning,
        int blockSizeBytes,
        Instant created,
        Content content,
        LimitSettings limits) {
    public Volume {
        mkfsOptions = List.copyOf(mkfsOptions);
    }

    /// The volume that `spec` makes.
    public static Volume granted(VolumeId id, VolumeSpec spec, Instant created) {
        return new Volume(
                id,
                spec.name(),
                spec.sizeBytes(),
                requested(spec.requestedBytes(), spec.sizeBytes()),
                spec.fileSystem(),
                spec.mkfsOptions(),
                spec.provisioning(),
                spec.blockSizeBytes(),
                created,
                spec.content(),
                spec.limits());
    }

    /// Of what is asked for, at most what is there; all of it where nothing was said.
    private static long requested(long bytes, long capacityBytes) {
        return bytes > 0 ? Math.min(bytes, capacityBytes) : capacityBytes;
    }

    public Volume withCapacity(long bytes) {
        return withCapacity(bytes, bytes);
    }

    /// @param requested what was asked for
    public Volume withCapacity(long bytes, long requested) {
        return with(bytes, requested(requested, bytes), limits);
    }

    public Volume withLimits(LimitSettings limits) {
        return with(capacityBytes, requestedBytes, limits);
    }

    private Volume with(long bytes, long requestedBytes, LimitSettings limits) {
        return new Volume(
                id,
                name,
                bytes,
                requestedBytes,
                fileSystem,
                mkfsOptions,
                provisioning,
                blockSizeBytes,
                created,
                content,
                limits);
    }

    /// In what this volume differs from what is asked for, in words; empty if it is the same
    /// request.
    public Optional<String> differenceFrom(VolumeSpec spec) {
        if (!name.equals(spec.name())) {
            return Optional.of("its name is '%s'".formatted(name));
        }
        if (!spec.capacity().holds(capacityBytes)) {
            return Optional.of("its size is %d bytes".formatted(capacityBytes));
        }
        if (!fileSystem.equals(spec.fileSystem())) {
            return Optional.of(
                    "it is made for "
                            + fileSystem.map(FileSystemType::kernelName).orElse("raw block"));
        }
        if (!mkfsOptions.equals(spec.mkfsOptions())) {
            return Optional.of("its mkfsOptions are '%s'".formatted(String.join(" ", mkfsOptions)));
        }
        if (provisioning != spec.provisioning()) {
            return Optional.of("its provisioning is " + provisioning);
        }
        if (!content.equals(spec.content())) {
            return Optional.of(
                    switch (content) {
                        case Content.Blank _ -> "it began blank";
                        case Content.OfSnapshot(var snapshot) -> "it began as snapshot " + snapshot;
                        case Content.OfVolume(var volume) -> "it began as a copy of " + volume;
                    });
        }
        if (!limits.equals(spec.limits())) {
            return Optional.of("its limits on I/O are other ones: " + limits.at(capacityBytes));
        }
        return Optional.empty();
    }
}
