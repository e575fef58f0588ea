package dev.stowage.spi;

import dev.stowage.volume.GroupId;
import dev.stowage.volume.GroupSnapshot;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/// A backend that makes snapshots of several of its volumes at one moment. Blocking, idempotent and
/// crash-safe as [Backend] is. The members are snapshots as any other, but come and go only
/// together: whatever happens, all of them are there or none is.
public interface GroupSnapshots extends Snapshots {
    /// How the members are called, which no request can ask for: names have no control characters.
    static String memberName(String group, VolumeId source) {
        return group + "\n" + source;
    }

    /// Makes the group. Volumes that this machine has in use are frozen while they are cut, all of
    /// them for the same time; those that nobody uses stay so. If `id` exists already, returns that
    /// group unchanged, whatever it is of: the caller compares.
    ///
    /// @param sources at least one, each once
    /// @throws VolumeException NOT_FOUND if one of the volumes is not there; NO_SPACE if the pool
    ///     has less than as much again unreserved; FAILED_PRECONDITION if one is in use on another
    ///     node, or in use at all where it can only be copied byte by byte, or can't be frozen;
    ///     BUSY if they did not stay frozen until all were cut
    GroupSnapshot createGroup(GroupId id, String name, List<VolumeId> sources, Freezer freezer)
            throws IOException;

    /// Deletes the group and its members for good. No such group: nothing happens.
    ///
    /// @throws VolumeException FAILED_PRECONDITION while a volume is being made from a member
    void deleteGroup(GroupId id) throws IOException;

    /// @throws VolumeException DAMAGED if it is there but its records can't be understood
    Optional<GroupSnapshot> findGroup(GroupId id) throws IOException;

    static VolumeException noSuchGroup(String id) {
        return new VolumeException(
                Reason.NOT_FOUND, "there is no group snapshot '%s'".formatted(id));
    }
}
