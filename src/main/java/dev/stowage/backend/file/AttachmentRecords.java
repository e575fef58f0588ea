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

/// To which nodes a volume is attached, decided by link(2) alone, so that it is right between
/// drivers on several machines too.
///
/// A node's attachment is the file `holders/<node>`. To attach, a driver first links the record as
/// `holders/.lead`; a reader may also use the lead of another reader. Then it links the record
/// under the node's name. Then it lists the folder, and withdraws if it finds an attachment that
/// excludes its own. Two drivers that both linked a record can't both have listed the folder before
/// the other's link, so two never win. The lead decides beforehand which of them goes on, so that
/// they do not both withdraw. So a lead may be removed at any time without harm, and the lead of a
/// killed driver is.
final class AttachmentRecords {
    static final String LEAD = ".lead";

    /// Each new try is another driver's attach or detach that came in between.
    private static final int TRIES = 16;

    private final Durable durable;
    private final PreparedAttachments prepared;

    AttachmentRecords(Durable durable, PreparedAttachments prepared) {
        this.durable = durable;
        this.prepared = prepared;
    }

    /// Whether the volume is attached to the node for this very use.
    static boolean has(VolumeFolder volume, AttachmentRecord wanted) throws IOException {
        return read(volume.holders().resolve(wanted.node().value()))
                .filter(wanted::sameUseAs)
                .isPresent();
    }

    /// @throws VolumeException FAILED_PRECONDITION if the volume is attached to another node,
    ///     ALREADY_EXISTS if it is attached to this one for another use
    void attach(VolumeFolder volume, AttachmentRecord wanted) throws IOException {
        var own = volume.holders().resolve(wanted.node().value());
        for (var tries = 0; tries < TRIES; tries++) {
            var present = read(own);
            if (present.isPresent()) {
                requireSameUse(present.get(), wanted);
                // a power cut may have kept a record that was withdrawn
                requireAlone(volume, wanted);
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
    private boolean tryToTake(VolumeFolder volume, Path own, AttachmentRecord wanted)
            throws IOException {
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

    private boolean tryToTake(VolumeFolder volume, Path record, Path own, AttachmentRecord wanted)
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

    /// Links the lead, or finds a reader's lead that will do. False: the lead was in the way and is
    /// gone now.
    private boolean lead(VolumeFolder volume, Path record, AttachmentRecord wanted)
            throws IOException {
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
        throw attachedTo(volume, List.of(leads.node()));
    }

    /// Refuses if the volume is attached to another node in a way that excludes `wanted`.
    private static void requireAlone(VolumeFolder volume, AttachmentRecord wanted)
            throws IOException {
        var others = new ArrayList<NodeId>();
        for (var node : nodes(volume)) {
            if (!node.equals(wanted.node()) && !goTogether(volume, node, wanted)) {
                others.add(node);
            }
        }
        if (!others.isEmpty()) {
            throw attachedTo(volume, others);
        }
    }

    private static boolean goTogether(VolumeFolder volume, NodeId node, AttachmentRecord wanted)
            throws IOException {
        var record = read(volume.holders().resolve(node.value()));
        return record.isEmpty() || (record.get().amongReaders() && wanted.amongReaders());
    }

    /// Removes the node's record, and what a killed attach or detach of it left.
    void detach(VolumeFolder volume, NodeId node) throws IOException {
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
        } catch (VolumeException e) { // no reader can use a lead that can't be read
            return nodes(volume).isEmpty();
        }
    }

    /// The nodes that may write to the volume, in order of their ids.
    static List<NodeId> writers(VolumeFolder volume) throws IOException {
        var writers = new ArrayList<NodeId>();
        for (var node : nodes(volume)) {
            var record = read(volume.holders().resolve(node.value()));
            if (record.isPresent() && record.get().writes()) {
                writers.add(node);
            }
        }
        return writers;
    }

    /// The nodes that the volume is attached to, in order of their ids.
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

    private static Optional<AttachmentRecord> read(Path file) throws IOException {
        return StoredRecord.readIfThere(file).map(AttachmentRecord::of);
    }

    private static void requireSameUse(AttachmentRecord present, AttachmentRecord wanted) {
        if (!present.sameUseAs(wanted)) {
            throw new VolumeException(
                    Reason.ALREADY_EXISTS,
                    "the volume is attached to node %s already for another use (%s%s): detach it first"
                            .formatted(
                                    present.node(),
                                    present.mode(),
                                    present.readOnly() ? ", read-only" : ""));
        }
    }

    static VolumeException attachedTo(VolumeFolder volume, List<NodeId> nodes) {
        return new VolumeException(
                Reason.FAILED_PRECONDITION,
                "volume %s is attached to node %s: detach it there first"
                        .formatted(
                                VolumeStore.fileName(volume.path()),
                                String.join(", ", nodes.stream().map(NodeId::value).toList())));
    }
}
