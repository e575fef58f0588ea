package dev.stowage.backend.file;

import dev.stowage.volume.NodeId;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;

/// One run of a driver: `<node>.<8 hex of the boot id>.<8 random hex>`. What it begins carries its
/// name, so that a later start can tell what a dead driver left from what a live one is building.
record Instance(NodeId node, String boot, String random) {
    private static final int BOOT_DIGITS = 8;
    private static final String TAIL = "([0-9a-f]{8})\\.([0-9a-f]{8})";

    /// A node's id may hold dots, so the fixed parts are read from the end.
    private static final Pattern NAME = Pattern.compile("(.+)\\." + TAIL);

    /// A volume's or snapshot's id, the mark of a record's temporary file, or the self-test's; none
    /// of them has a part that could be taken for the next.
    private static final Pattern ENTRY =
            Pattern.compile(
                    "([a-z0-9-]+\\.[0-9a-f]{8}\\.[vs][0-9a-f]{32}|\\.tmp|probe)\\.(.+)\\.[0-9]+");

    static Instance begin(NodeId node, String bootId) {
        var random = "%08x".formatted(ThreadLocalRandom.current().nextInt());
        return new Instance(node, bootId.substring(0, BOOT_DIGITS), random);
    }

    static Optional<Instance> parse(String text) {
        var match = NAME.matcher(text);
        return match.matches()
                ? nodeId(match.group(1))
                        .map(node -> new Instance(node, match.group(2), match.group(3)))
                : Optional.empty();
    }

    /// The node id that a file's name spells; empty if none.
    static Optional<NodeId> nodeId(String text) {
        if (text.startsWith(".")) { // ours, and in every folder of holders
            return Optional.empty();
        }
        try {
            return Optional.of(new NodeId(text));
        } catch (VolumeException e) {
            return Optional.empty();
        }
    }

    /// Who made the entry of this name; empty if it is none that a driver makes.
    static Optional<Instance> makerOf(String entry) {
        var match = ENTRY.matcher(entry);
        return match.matches() ? parse(match.group(2)) : Optional.empty();
    }

    /// The volume that the entry of this name was built for, or was before it was deleted.
    static Optional<VolumeId> volumeOf(String entry) {
        var match = ENTRY.matcher(entry);
        return match.matches() ? VolumeId.parse(match.group(1)) : Optional.empty();
    }

    /// Runs, or ran, on the same node since the same boot.
    boolean besides(Instance other) {
        return node.equals(other.node) && boot.equals(other.boot);
    }

    @Override
    public String toString() {
        return node + "." + boot + "." + random;
    }
}
