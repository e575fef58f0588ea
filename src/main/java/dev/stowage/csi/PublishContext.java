package dev.stowage.csi;

import dev.stowage.spi.Attachment;
import dev.stowage.volume.Limits;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.util.Map;
import java.util.TreeMap;

/// The publish context: an [Attachment] as the strings that travel from ControllerPublishVolume to
/// NodeStageVolume, and that Kubernetes keeps in the VolumeAttachment meanwhile. Controller and
/// node may be of different versions; the format is described in docs/format.md.
final class PublishContext {
    private static final String PREFIX = "stowage.dev/";
    private static final String VERSION = PREFIX + "version";
    private static final String ENGINE = PREFIX + "engine";
    private static final String VOLUME = PREFIX + "volume";
    private static final String READ_ONLY = PREFIX + "readOnly";

    /// For nodes that can't read the volume's record; where they can, the record is newer.
    private static final String LIMITS = PREFIX + "limits";

    /// Features that a reader must know to understand the context; none yet.
    private static final String INCOMPATIBLE = PREFIX + "incompatible";

    private static final String THIS_VERSION = "1";
    private static final String LOOP_FILE = "loop-file";

    private PublishContext() {}

    /// @param limits those at the time of the attachment
    static Map<String, String> encode(Attachment attachment, Limits limits) {
        var context = new TreeMap<>(encode(attachment));
        if (!limits.none()) {
            context.put(LIMITS, limits.toString());
        }
        return context;
    }

    private static Map<String, String> encode(Attachment attachment) {
        return switch (attachment) {
            case Attachment.LoopFile file ->
                    Map.of(
                            VERSION,
                            THIS_VERSION,
                            ENGINE,
                            LOOP_FILE,
                            VOLUME,
                            file.volume().toString(),
                            READ_ONLY,
                            Boolean.toString(file.readOnly()));
        };
    }

    /// @throws VolumeException FAILED_PRECONDITION if there is none, it is for another volume, or
    ///     this node is too old
    static Attachment decode(VolumeId volume, Map<String, String> context) {
        if (context.isEmpty()) {
            throw refused(
                    "volume %s comes without a publish context: attach it with ControllerPublishVolume first"
                            .formatted(volume));
        }
        requireUnderstood(volume, context);
        if (!volume.toString().equals(context.get(VOLUME))) {
            throw refused(
                    "the publish context is for volume %s, not for %s"
                            .formatted(context.get(VOLUME), volume));
        }
        return new Attachment.LoopFile(volume, readOnly(volume, context));
    }

    private static void requireUnderstood(VolumeId volume, Map<String, String> context) {
        var version = context.get(VERSION);
        var engine = context.get(ENGINE);
        var incompatible = context.getOrDefault(INCOMPATIBLE, "");
        if (!THIS_VERSION.equals(version) || !LOOP_FILE.equals(engine) || !incompatible.isEmpty()) {
            throw refused(
                    "the publish context of volume %s (version %s, engine %s, features '%s') is not one this node understands: bring the driver on this node to the controller's version"
                            .formatted(volume, version, engine, incompatible));
        }
    }

    private static boolean readOnly(VolumeId volume, Map<String, String> context) {
        return switch (context.getOrDefault(READ_ONLY, "")) {
            case "true" -> true;
            case "false" -> false;
            default ->
                    throw refused(
                            "the publish context of volume %s does not say whether it is read-only"
                                    .formatted(volume));
        };
    }

    private static VolumeException refused(String message) {
        return new VolumeException(Reason.FAILED_PRECONDITION, message);
    }
}
