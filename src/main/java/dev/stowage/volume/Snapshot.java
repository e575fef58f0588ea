package dev.stowage.volume;

import java.time.Instant;
import java.util.Optional;

/// A snapshot: what a volume held at one moment. It outlives the volume. Nothing of it changes but
/// that it becomes ready.
///
/// @param source the volume, which may be gone
/// @param sizeBytes what a volume made from it needs at least
/// @param requestedBytes what its volume's claim asked for, at most `sizeBytes`: a claim that asks
///     for no more gets a volume that is large enough
/// @param fileSystem what the volume was made for; empty for raw block
/// @param provisioning how it counts against the pool, as its volume did
/// @param created the moment whose content it has
/// @param group of which it is a member, with which it comes and goes
/// @param ready it is whole, and volumes can be made from it
public record Snapshot(
        SnapshotId id,
        String name,
        VolumeId source,
        long sizeBytes,
        long requestedBytes,
        Optional<FileSystemType> fileSystem,
        Provisioning provisioning,
        int blockSizeBytes,
        Instant created,
        Optional<GroupId> group,
        boolean ready) {

    /// In what this differs from what is asked for, in words; empty if it is the same request.
    public Optional<String> differenceFrom(String wantedName, VolumeId wantedSource) {
        if (!name.equals(wantedName)) {
            return Optional.of("its name is '%s'".formatted(name));
        }
        return source.equals(wantedSource)
                ? Optional.empty()
                : Optional.of("it is of volume " + source);
    }
}
