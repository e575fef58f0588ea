package dev.stowage.node.device;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.stowage.spi.ImageFiles;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.VolumeId;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;

/// What this node calls its loop devices (`lo_file_name`, at most 63 bytes): `stowage:<8 hex of
/// the node>:<pool tag>.v<hash>`, with `:ro` behind it for the one that refuses writes. The pool's
/// name is left out: the rest identifies the volume.
public record LoopName(String prefix) {
    private static final int NODE_BYTES = 4;
    private static final String READ_ONLY = ":ro";
    private static final String VOLUME = ".v";

    public static LoopName of(NodeId node) {
        try {
            var digest = MessageDigest.getInstance("SHA-256").digest(node.value().getBytes(UTF_8));
            return new LoopName(
                    ImageFiles.DEVICE_NAME_PREFIX
                            + HexFormat.of().formatHex(digest, 0, NODE_BYTES)
                            + ":");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    public String of(VolumeId id, boolean readOnly) {
        return prefix + id.poolTag() + VOLUME + id.hash() + (readOnly ? READ_ONLY : "");
    }

    boolean isOf(VolumeId id, String name) {
        return name.equals(of(id, false)) || name.equals(of(id, true));
    }

    /// The volume of the pool that has this name; empty if none has.
    Optional<VolumeId> volume(PoolId pool, String name) {
        if (!isOurs(name)) {
            return Optional.empty();
        }
        var end = name.length() - (name.endsWith(READ_ONLY) ? READ_ONLY.length() : 0);
        return VolumeId.parse(pool.name() + "." + name.substring(prefix.length(), end))
                .filter(id -> id.poolTag().equals(pool.tag()));
    }

    /// Whether this node gave the name, for whatever volume.
    public boolean isOurs(String name) {
        return name.startsWith(prefix);
    }
}
