package dev.stowage.backend.file;

import dev.stowage.linux.Fd;
import dev.stowage.spi.Freezer;
import dev.stowage.volume.FormatState;
import dev.stowage.volume.GroupId;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Cuts all members of a group at one moment: those in use are frozen on this machine, the others
/// are kept from being used, and between the first and the last cut nothing is written to any.
final class GroupCut {
    /// For how long applications may stand still at most; a clone takes less than a millisecond.
    private static final Duration BOUND = Duration.ofSeconds(10);

    private final OpenPool open;
    private final GroupId id;
    private final List<GroupMember> members;
    private final NodeId own;

    GroupCut(OpenPool open, GroupId id, List<GroupMember> members) {
        this.open = open;
        this.id = id;
        this.members = members;
        this.own = open.nonces().instance().node();
    }

    /// Returns the moment. The members are durable, but have no names yet.
    Instant cut(Freezer freezer) throws IOException {
        var used = new ArrayList<GroupMember>();
        for (var member : members) {
            if (inUse(member)) {
                used.add(member);
            }
        }
        var sources = new ArrayList<Fd>();
        try {
            for (var member : members) {
                if (!used.contains(member)) {
                    member.copySource().requireQuiesced();
                    member.copySource().flush();
                }
                sources.add(CopyFilling.open(member.copySource()));
            }
            var cuts = cut(freezer, used, sources);
            for (var i = 0; i < members.size(); i++) {
                members.get(i).finish(cuts.get(i));
            }
            return cuts.getFirst().at();
        } finally {
            sources.forEach(Fd::close);
        }
    }

    private boolean inUse(GroupMember member) throws IOException {
        var loop = member.copySource().usedHere(own, "group snapshot " + id);
        if (loop.isPresent() && !open.probe().reflinks()) {
            throw member.copySource().inUse(loop.get().path() + " has its image open");
        }
        return loop.isPresent();
    }

    private List<SnapshotBuilder.Cut> cut(Freezer freezer, List<GroupMember> used, List<Fd> sources)
            throws IOException {
        var before = formats();
        List<SnapshotBuilder.Cut> cuts;
        if (used.isEmpty()) {
            cuts = cutAll(sources, before);
        } else {
            var volumes = used.stream().map(member -> member.wanted().source().id()).toList();
            try (var frozen = freezer.freeze(volumes, BOUND)) {
                cuts = cutAll(sources, before);
                frozen.thaw();
            }
        }
        if (!formats().equals(before)) {
            throw new VolumeException(
                    Reason.BUSY, "a volume of the group was formatted meanwhile; retry");
        }
        return cuts;
    }

    private List<FormatState> formats() throws IOException {
        var formats = new ArrayList<FormatState>();
        for (var member : members) {
            formats.add(member.format());
        }
        return formats;
    }

    private List<SnapshotBuilder.Cut> cutAll(List<Fd> sources, List<FormatState> formats)
            throws IOException {
        var at = Instant.now();
        var cuts = new ArrayList<SnapshotBuilder.Cut>();
        for (var i = 0; i < members.size(); i++) {
            cuts.add(cut(members.get(i), sources.get(i), formats.get(i), at));
        }
        return cuts;
    }

    private SnapshotBuilder.Cut cut(GroupMember member, Fd source, FormatState format, Instant at)
            throws IOException {
        var image = member.draft().image();
        if (open.probe().reflinks() && ImageCopy.share(source, image)) {
            return new SnapshotBuilder.Cut(at, format, image.stat().size(), true, Optional.empty());
        }
        member.copySource().requireQuiesced(); // and so it is until its bytes are copied
        var provisioning = member.wanted().source().provisioning();
        var maker = open.nonces().instance();
        var toCopy = SnapshotBuilder.toCopy(image, member.copySource(), provisioning, maker);
        return new SnapshotBuilder.Cut(at, format, toCopy.bytes(), false, toCopy.copy());
    }
}
