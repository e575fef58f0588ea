package dev.stowage.volume;

import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/// What was asked for about a volume's I/O: once and for all when it was made, and what may change.
/// Both are kept, so that the limits depend on today's wish alone and not on those before it: a
/// change replaces the changeable part whole, and what it does not mention is as it was made.
///
/// @param fixed from the StorageClass
/// @param mutable from the VolumeAttributesClass; stronger
public record LimitSettings(Map<LimitKey, Long> fixed, Map<LimitKey, Long> mutable) {
    public static final LimitSettings NONE = new LimitSettings(Map.of(), Map.of());

    /// Explicitly without limit, whatever was said before.
    public static final long UNLIMITED = 0;

    static final String UNLIMITED_TEXT = "unlimited";

    private static final long GIB = 1L << 30;

    public LimitSettings {
        fixed = copy(fixed);
        mutable = copy(mutable);
        if (fixed.containsKey(LimitKey.MAX_IOPS) && !fixed.containsKey(LimitKey.IOPS_PER_GIB)) {
            throw new VolumeException(
                    Reason.INVALID,
                    "maxIops bounds iopsPerGiB, which is missing: add it, or use readIops and writeIops");
        }
    }

    private static Map<LimitKey, Long> copy(Map<LimitKey, Long> values) {
        var copy = new EnumMap<LimitKey, Long>(LimitKey.class);
        copy.putAll(values);
        return Collections.unmodifiableMap(copy);
    }

    /// The limits among a StorageClass's parameters; other keys are not looked at.
    ///
    /// @throws VolumeException INVALID for a value that is none
    public static Map<LimitKey, Long> fixed(Map<String, String> parameters) {
        var values = new EnumMap<LimitKey, Long>(LimitKey.class);
        parameters.forEach(
                (name, value) ->
                        LimitKey.named(name).ifPresent(key -> values.put(key, key.parse(value))));
        return values;
    }

    /// @throws VolumeException INVALID for a key that can't be changed or is not known, naming
    ///     those that can, and for a value that is none
    public static Map<LimitKey, Long> mutable(Map<String, String> parameters) {
        var values = new EnumMap<LimitKey, Long>(LimitKey.class);
        parameters.forEach(
                (name, value) -> {
                    var key =
                            LimitKey.named(name)
                                    .filter(LimitKey::mutable)
                                    .orElseThrow(() -> notMutable(name));
                    values.put(key, key.parse(value));
                });
        return values;
    }

    private static VolumeException notMutable(String name) {
        return new VolumeException(
                Reason.INVALID,
                "mutable parameter '%s' is not known: use %s"
                        .formatted(name, names(LimitKey::mutable)));
    }

    private static String names(Predicate<LimitKey> which) {
        return Arrays.stream(LimitKey.values())
                .filter(which)
                .map(LimitKey::toString)
                .collect(Collectors.joining(", "));
    }

    public LimitSettings withMutable(Map<LimitKey, Long> values) {
        return new LimitSettings(fixed, values);
    }

    /// What holds for a volume of this size.
    public Limits at(long capacityBytes) {
        return new Limits(
                value(LimitKey.READ_IOPS, grown(capacityBytes)),
                value(LimitKey.WRITE_IOPS, grown(capacityBytes)),
                value(LimitKey.READ_BYTES_PER_SECOND, UNLIMITED),
                value(LimitKey.WRITE_BYTES_PER_SECOND, UNLIMITED));
    }

    private OptionalLong value(LimitKey key, long otherwise) {
        var value = mutable.getOrDefault(key, fixed.getOrDefault(key, otherwise));
        return value == UNLIMITED ? OptionalLong.empty() : OptionalLong.of(value);
    }

    /// The operations that the size brings, begun GiB counted in part and at least one; without
    /// limit where nothing is said.
    private long grown(long capacityBytes) {
        var perGiB = fixed.get(LimitKey.IOPS_PER_GIB);
        if (perGiB == null) {
            return UNLIMITED;
        }
        var most = fixed.getOrDefault(LimitKey.MAX_IOPS, Limits.MAX_IOPS);
        var iops = Math.ceil((double) perGiB * capacityBytes / GIB);
        return Math.clamp((long) iops, 1, most);
    }
}
