package dev.stowage.backend.file;

import static dev.stowage.linux.OpenFlags.O_DIRECTORY;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/// Who holds a volume, decided by link(2) alone, so that it holds between drivers on several
/// machines too.
///
/// A node's hold is the file `holders/<node>`. Whoever wants one first links its record as
/// `holders/.lead`, or stands under the lead of readers if it only reads among readers; then links
/// the hold; then lists the folder and withdraws if somebody is there with whom it does not go.
/// Two that both linked a hold can't both have listed before the other's link: never do two win.
/// The lead decides beforehand which one goes on, so that they do not both withdraw. A lead may
/// therefore be removed at any time without harm: that is how what a killed driver left is cleared.
final class Holds {
    static final String LEAD = ".lead";

    /// Each new try is another driver's attach or detach that came in between.
    private static final int TRIES = 16;

    private final Durable durable;
    private final PreparedHolds prepared;

    Holds(Durable durable, PreparedHolds prepared) {
        this.durable = durable;
        this.prepared = prepared;
    }

    /// Whether the node has the volume for this very use.
    static boolean has(VolumeFolder volume, Hold wanted) throws IOException {
        return read(volume.holders().resolve(wanted.node().value()))
                .filter(wanted::sameUseAs)
                .isPresent();
    }

    /// @throws VolumeException FAILED_PRECONDITION if another node holds the volume, ALREADY_EXISTS
    ///     if this one does for another use
    void take(VolumeFolder volume, Hold wanted) throws IOException {
        var own = volume.holders().resolve(wanted.node().value());
        for (var tries = 0; tries < TRIES; tries++) {
            var present = read(own);
            if (present.isPresent()) {
                requireSameUse(present.get(), wanted);
                requireAlone(volume, wanted); // a power cut may have kept a hold that was withdrawn
                durable.syncFolder(volume.holders());
                return;
            }
            if (tryToTake(volume, own, wanted)) {
                return;
            }
        }
        throw new VolumeException(
                Reason.BUSY,
                "others attach and detach volume %s at the same time; retry"
                        .formatted(VolumeStore.fileName(volume.path())));
    }

    /// False if somebody came in between: look again.
    private boolean tryToTake(VolumeFolder volume, Path own, Hold wanted) throws IOException {
        var ready = prepared.of(wanted);
        if (ready.isPresent()) {
            try {
                return tryToTake(volume, ready.get(), own, wanted);
            } catch (ErrnoException e) {
                if (!e.is(Errno.EMLINK)) { // else it has as many names as a file can have
                    throw e;
                }
            }
        }
        var written = durable.temporary(volume.holders(), wanted.bytes(own));
        try {
            return tryToTake(volume, written, own, wanted);
        } finally {
            Files.deleteIfExists(written);
        }
    }

    private boolean tryToTake(VolumeFolder volume, Path record, Path own, Hold wanted)
            throws IOException {
        if (!lead(volume, record, wanted) || !Durable.link(record, own)) {
            return false;
        }
        try {
            requireAlone(volume, wanted);
        } catch (VolumeException e) {
            Files.deleteIfExists(own);
            throw e;
        }
        durable.syncFolder(volume.holders());
        return true;
    }

    /// Links the lead, or finds one to stand under. False: the lead was in the way, is gone now.
    private boolean lead(VolumeFolder volume, Path record, Hold wanted) throws IOException {
        var lead = volume.holders().resolve(LEAD);
        if (Durable.link(record, lead)) {
            try {
                requireAlone(volume, wanted);
            } catch (VolumeException e) {
                Files.deleteIfExists(lead);
                throw e;
            }
            return true;
        }
        var leader = read(lead);
        if (leader.isEmpty()) {
            return false;
        }
        var leads = leader.get();
        if (leads.amongReaders() && wanted.amongReaders()) {
            return true;
        }
        if (leads.amongReaders() || leads.node().equals(wanted.node())) {
            requireAlone(volume, wanted);
            Files.deleteIfExists(lead);
            return false;
        }
        throw heldBy(volume, List.of(leads.node()));
    }

    /// Refuses if a hold of another node is there with which `wanted` does not go.
    private static void requireAlone(VolumeFolder volume, Hold wanted) throws IOException {
        var others = new ArrayList<NodeId>();
        for (var node : nodes(volume)) {
            if (!node.equals(wanted.node()) && !goTogether(volume, node, wanted)) {
                others.add(node);
            }
        }
        if (!others.isEmpty()) {
            throw heldBy(volume, others);
        }
    }

    private static boolean goTogether(VolumeFolder volume, NodeId node, Hold wanted)
            throws IOException {
        var hold = read(volume.holders().resolve(node.value()));
        return hold.isEmpty() || (hold.get().amongReaders() && wanted.amongReaders());
    }

    /// Gives up the node's hold and what a killed attach or detach of it left.
    void release(VolumeFolder volume, NodeId node) throws IOException {
        if (Linux.lstatIfExists(volume.holders()).isEmpty()) {
            return;
        }
        var removed = Files.deleteIfExists(volume.holders().resolve(node.value()));
        var lead = volume.holders().resolve(LEAD);
        if (leadIsFree(volume, lead, node)) {
            removed |= Files.deleteIfExists(lead);
        }
        try {
            sync(volume, removed);
        } catch (ErrnoException e) {
            if (!e.is(Errno.ENOENT)) { // deleted meanwhile: nothing is left to give up
                throw e;
            }
        }
    }

    /// Also what was removed before may not be durable yet.
    private void sync(VolumeFolder volume, boolean removed) throws ErrnoException {
        try (var holders = Fd.open(volume.holders(), O_DIRECTORY)) {
            if (removed) {
                durable.sync(holders);
            } else {
                durable.syncUnchanged(holders);
            }
        }
    }

    private static boolean leadIsFree(VolumeFolder volume, Path lead, NodeId node)
            throws IOException {
        try {
            var leader = read(lead);
            if (leader.isEmpty()) {
                return false;
            }
            return leader.get().amongReaders()
                    ? nodes(volume).isEmpty()
                    : leader.get().node().equals(node);
        } catch (VolumeException e) { // nobody can stand under a lead that can't be read
            return nodes(volume).isEmpty();
        }
    }

    /// The nodes that may write to the volume, in order of their ids.
    static List<NodeId> writers(VolumeFolder volume) throws IOException {
        var writers = new ArrayList<NodeId>();
        for (var node : nodes(volume)) {
            var hold = read(volume.holders().resolve(node.value()));
            if (hold.isPresent() && hold.get().writes()) {
                writers.add(node);
            }
        }
        return writers;
    }

    /// The nodes that hold the volume, in order of their ids.
    static List<NodeId> nodes(VolumeFolder volume) throws IOException {
        try (var entries = Files.list(volume.holders())) {
            return entries.map(VolumeStore::fileName)
                    .flatMap(name -> Instance.nodeId(name).stream())
                    .sorted(Comparator.comparing(NodeId::value))
                    .toList();
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (NotDirectoryException e) {
            throw StoredRecord.damaged(volume.holders(), "it is not a folder");
        }
    }

    private static Optional<Hold> read(Path file) throws IOException {
        return StoredRecord.readIfThere(file).map(Hold::of);
    }

    private static void requireSameUse(Hold present, Hold wanted) {
        if (!present.sameUseAs(wanted)) {
            throw new VolumeException(
                    Reason.ALREADY_EXISTS,
                    "node %s holds the volume already for another use (%s%s): detach it first"
                            .formatted(
                                    present.node(),
                                    present.mode(),
                                    present.readOnly() ? ", read-only" : ""));
        }
    }

    static VolumeException heldBy(VolumeFolder volume, List<NodeId> nodes) {
        return new VolumeException(
                Reason.FAILED_PRECONDITION,
                "volume %s is attached to node %s: detach it there first"
                        .formatted(
                                VolumeStore.fileName(volume.path()),
                                String.join(", ", nodes.stream().map(NodeId::value).toList())));
    }
}
