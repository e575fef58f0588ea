package dev.stowage.csi;

import static java.nio.charset.StandardCharsets.UTF_8;

import csi.v1.CreateVolumeRequest;
import csi.v1.TopologyRequirement;
import dev.stowage.pools.VolumeRequest;
import dev.stowage.spi.Backend;
import dev.stowage.volume.AccessMode;
import dev.stowage.volume.AccessType;
import dev.stowage.volume.Capability;
import dev.stowage.volume.CapacityRange;
import dev.stowage.volume.Content;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.LimitKey;
import dev.stowage.volume.LimitSettings;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.Provisioning;
import dev.stowage.volume.Reason;
import dev.stowage.volume.Topology;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// CSI's words as the domain's, and every check of a request. Required fields are checked before
/// anything is looked up.
final class Requests {
    private static final String POOL = "pool";
    private static final String MKFS_OPTIONS = "mkfsOptions";
    private static final String PROVISIONING = "provisioning";
    private static final Set<String> PARAMETERS =
            Stream.concat(
                            Stream.of(POOL, MKFS_OPTIONS, PROVISIONING),
                            Stream.of(LimitKey.values()).map(LimitKey::toString))
                    .collect(Collectors.toCollection(TreeSet::new));

    /// Kubernetes adds keys with this prefix for its own use.
    private static final String KUBERNETES = "csi.storage.k8s.io/";

    private static final String FS_TYPE = KUBERNETES + "fstype";
    private static final int MAX_NAME_BYTES = 128;

    /// PATH_MAX (limits.h).
    private static final int MAX_PATH_BYTES = 4096;

    private Requests() {}

    static VolumeRequest volumeRequest(CreateVolumeRequest request) {
        var name = name(request.getName());
        var capabilities = capabilities(request.getVolumeCapabilitiesList());
        var content = SnapshotRequests.content(request);
        if (content instanceof Content.Blank
                && capabilities.stream().allMatch(c -> c.mode().readOnly())) {
            throw invalid(
                    "a blank volume that may only be read is of no use: ask for a mode that writes");
        }
        var parameters = request.getParametersMap();
        checkKeys(parameters);
        return new VolumeRequest(
                name,
                Optional.ofNullable(parameters.get(POOL)),
                capacity(request.getCapacityRange()),
                withFileSystem(capabilities, parameters.get(FS_TYPE)),
                mkfsOptions(parameters),
                provisioning(parameters),
                requisite(request.getAccessibilityRequirements()),
                content,
                new LimitSettings(
                        LimitSettings.fixed(parameters),
                        LimitSettings.mutable(request.getModifiableParametersMap())));
    }

    /// Any text of 1 to 128 bytes but control characters, as CSI has it.
    static String name(String name) {
        required(name, "name");
        if (name.getBytes(UTF_8).length > MAX_NAME_BYTES) {
            throw invalid("name has more than %d bytes".formatted(MAX_NAME_BYTES));
        }
        if (name.chars().anyMatch(Character::isISOControl)) {
            throw invalid("name has control characters");
        }
        return name;
    }

    static String required(String value, String field) {
        if (value.isEmpty()) {
            throw invalid("%s is missing".formatted(field));
        }
        return value;
    }

    /// CSI's paths are absolute: what a relative one means here depends on where the driver was
    /// started.
    static Path path(String value, String field) {
        return path(value, field, Reason.INVALID);
    }

    /// Where a volume is said to be. None is at a relative path: NOT_FOUND, as csi-sanity wants it.
    static Path volumePath(String value) {
        return path(value, "volume_path", Reason.NOT_FOUND);
    }

    private static Path path(String value, String field, Reason relative) {
        required(value, field);
        if (value.getBytes(UTF_8).length > MAX_PATH_BYTES) {
            throw invalid("%s has more than %d bytes".formatted(field, MAX_PATH_BYTES));
        }
        if (!value.startsWith("/")) {
            throw new VolumeException(
                    relative, "%s must be absolute: begin it with /".formatted(field));
        }
        try {
            return Path.of(value);
        } catch (InvalidPathException e) {
            throw invalid("%s is not a path".formatted(field));
        }
    }

    static void pathIfGiven(String value, String field) {
        if (!value.isEmpty()) {
            var _ = path(value, field);
        }
    }

    /// The id of a volume that must exist. What is not of our grammar names no volume of ours.
    static VolumeId existing(String volumeId) {
        return VolumeId.parse(volumeId).orElseThrow(() -> Backend.noSuchVolume(volumeId));
    }

    /// The node that is asked for. What can't be a node id is a node nobody knows.
    static NodeId node(String nodeId) {
        return nodeIfValid(nodeId)
                .orElseThrow(
                        () ->
                                new VolumeException(
                                        Reason.NOT_FOUND,
                                        "there is no node '%s'".formatted(nodeId)));
    }

    static Optional<NodeId> nodeIfValid(String nodeId) {
        try {
            return Optional.of(new NodeId(nodeId));
        } catch (VolumeException e) {
            return Optional.empty();
        }
    }

    static CapacityRange capacity(csi.v1.CapacityRange range) {
        return new CapacityRange(range.getRequiredBytes(), range.getLimitBytes());
    }

    static List<Capability> capabilities(List<csi.v1.VolumeCapability> capabilities) {
        if (capabilities.isEmpty()) {
            throw invalid("volume_capabilities are missing");
        }
        return capabilities.stream().map(Requests::capability).toList();
    }

    static Capability capability(boolean given, csi.v1.VolumeCapability capability) {
        if (!given) {
            throw invalid("volume_capability is missing");
        }
        return capability(capability);
    }

    private static Capability capability(csi.v1.VolumeCapability capability) {
        return new Capability(mode(capability), accessType(capability));
    }

    private static AccessMode mode(csi.v1.VolumeCapability capability) {
        return switch (capability.getAccessMode().getMode()) {
            case SINGLE_NODE_WRITER -> AccessMode.SINGLE_NODE_WRITER;
            case SINGLE_NODE_READER_ONLY -> AccessMode.SINGLE_NODE_READER_ONLY;
            case MULTI_NODE_READER_ONLY -> AccessMode.MULTI_NODE_READER_ONLY;
            case MULTI_NODE_SINGLE_WRITER -> AccessMode.MULTI_NODE_SINGLE_WRITER;
            case MULTI_NODE_MULTI_WRITER -> AccessMode.MULTI_NODE_MULTI_WRITER;
            case SINGLE_NODE_SINGLE_WRITER -> AccessMode.SINGLE_NODE_SINGLE_WRITER;
            case SINGLE_NODE_MULTI_WRITER -> AccessMode.SINGLE_NODE_MULTI_WRITER;
            case UNKNOWN, UNRECOGNIZED -> throw invalid("access_mode is missing or not known");
        };
    }

    private static AccessType accessType(csi.v1.VolumeCapability capability) {
        return switch (capability.getAccessTypeCase()) {
            case BLOCK -> new AccessType.Block();
            case MOUNT -> mount(capability.getMount());
            case ACCESSTYPE_NOT_SET ->
                    throw invalid("access_type is missing: ask for mount or block");
        };
    }

    private static AccessType.Mount mount(csi.v1.VolumeCapability.MountVolume mount) {
        return new AccessType.Mount(
                fileSystem(mount.getFsType()), List.copyOf(mount.getMountFlagsList()));
    }

    private static Optional<FileSystemType> fileSystem(String fsType) {
        return fsType.isEmpty() ? Optional.empty() : Optional.of(FileSystemType.require(fsType));
    }

    /// The StorageClass's fstype, for capabilities that name none.
    private static List<Capability> withFileSystem(
            List<Capability> capabilities, @org.jspecify.annotations.Nullable String fsType) {
        var fileSystem = fsType == null ? Optional.<FileSystemType>empty() : fileSystem(fsType);
        return capabilities.stream()
                .map(
                        c ->
                                c.type() instanceof AccessType.Mount mount
                                        ? new Capability(
                                                c.mode(),
                                                new AccessType.Mount(
                                                        mount.fileSystem().or(() -> fileSystem),
                                                        mount.flags()))
                                        : c)
                .toList();
    }

    static void checkKeys(Map<String, String> parameters) {
        for (var key : parameters.keySet()) {
            if (!key.startsWith(KUBERNETES) && !PARAMETERS.contains(key)) {
                throw invalid(
                        "parameter '%s' is not known: use %s"
                                .formatted(key, String.join(", ", PARAMETERS)));
            }
        }
    }

    static Optional<String> pool(Map<String, String> parameters) {
        return Optional.ofNullable(parameters.get(POOL));
    }

    static Optional<Provisioning> provisioning(Map<String, String> parameters) {
        return Optional.ofNullable(parameters.get(PROVISIONING)).map(Provisioning::require);
    }

    static List<String> mkfsOptions(Map<String, String> parameters) {
        var text = parameters.getOrDefault(MKFS_OPTIONS, "");
        return text.isBlank() ? List.of() : List.of(text.strip().split("\\s+"));
    }

    static List<Topology> requisite(TopologyRequirement requirement) {
        return requirement.getRequisiteList().stream().map(Requests::topology).toList();
    }

    static Topology topology(csi.v1.Topology topology) {
        return new Topology(topology.getSegmentsMap());
    }

    /// How many entries a page may have; 0 asks for all.
    static int limit(int maxEntries) {
        if (maxEntries < 0) {
            throw invalid(
                    "max_entries is %d: use 0 for all, or a positive number".formatted(maxEntries));
        }
        return maxEntries == 0 ? Integer.MAX_VALUE - 1 : maxEntries;
    }

    static Optional<VolumeId> startingToken(String token) {
        if (token.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(VolumeId.parse(token).orElseThrow(() -> badToken(token)));
    }

    static VolumeException badToken(String token) {
        return new VolumeException(
                Reason.BAD_TOKEN,
                "starting_token '%s' is none of this driver's: list from the start"
                        .formatted(token));
    }

    static VolumeException invalid(String message) {
        return new VolumeException(Reason.INVALID, message);
    }
}
