package dev.stowage.volume;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.regex.Pattern;

/// The id of a node: a valid Kubernetes label value (1 to 63 characters), because it is the value
/// of the topology key. It is also a file name in pools that keep records of nodes.
public record NodeId(String value) {
    private static final Pattern LABEL =
            Pattern.compile("[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?");
    private static final int MAX = 63;
    private static final int HASH_HEX = 16;

    public NodeId {
        if (!LABEL.matcher(value).matches()) {
            throw new VolumeException(
                    Reason.INVALID,
                    "node id '%s' is not valid: use 1 to 63 letters, digits, '-', '_' and '.', with a letter or digit first and last"
                            .formatted(value));
        }
    }

    /// The id of the node that calls itself `name`: the name itself, or for one over 63 characters
    /// its beginning and a hash of the whole.
    public static NodeId of(String name) {
        if (name.length() <= MAX) {
            return new NodeId(name);
        }
        return new NodeId(name.substring(0, MAX - HASH_HEX - 1) + "-" + hash(name));
    }

    private static String hash(String name) {
        try {
            var digest = MessageDigest.getInstance("SHA-256").digest(name.getBytes(UTF_8));
            return HexFormat.of().formatHex(digest, 0, HASH_HEX / 2);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    @Override
    public String toString() {
        return value;
    }
}
