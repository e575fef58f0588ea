package dev.stowage.volume;

import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/// Snapshots of several volumes at one moment: what was written to one of them after something had
/// been written to another is in no member without that other.
///
/// @param members in the order of their sources' ids
/// @param created the moment
public record GroupSnapshot(GroupId id, String name, List<Snapshot> members, Instant created) {
    public GroupSnapshot {
        members = List.copyOf(members);
    }

    /// Every member is ready.
    public boolean ready() {
        return members.stream().allMatch(Snapshot::ready);
    }

    public Set<SnapshotId> memberIds() {
        return members.stream().map(Snapshot::id).collect(Collectors.toUnmodifiableSet());
    }

    /// In what this differs from what is asked for, in words; empty if it is the same request.
    public Optional<String> differenceFrom(String wantedName, Collection<VolumeId> wantedSources) {
        if (!name.equals(wantedName)) {
            return Optional.of("its name is '%s'".formatted(name));
        }
        var sources = members.stream().map(Snapshot::source).toList();
        return Set.copyOf(sources).equals(Set.copyOf(wantedSources))
                ? Optional.empty()
                : Optional.of("it is of the volumes " + sources);
    }
}
