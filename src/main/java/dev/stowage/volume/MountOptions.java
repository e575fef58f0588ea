package dev.stowage.volume;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// Mount options of a StorageClass, PersistentVolume or the kubelet, checked. `nosuid` and `nodev`
/// always hold and can't be taken off.
///
/// @param fileSystem whose options these are
/// @param readOnly `ro` was given
/// @param attributes what holds for each mount by itself: of `noexec`, `nodiratime` and one of
///     `noatime`, `relatime`, `strictatime`
/// @param superblock what holds for the file system as a whole, as the kernel takes it, in order:
///     `commit=30`
public record MountOptions(
        FileSystemType fileSystem,
        boolean readOnly,
        Set<String> attributes,
        List<String> superblock) {
    private static final String CONTEXT = "context=";
    private static final Set<String> ATIME = Set.of("noatime", "relatime", "strictatime");

    /// For people, and for programs that mount what /etc/fstab lists: mount(8) takes them for
    /// comments and the kernel never sees them. Not `x-mount.*`, on which mount(8) itself acts.
    private static final Pattern FSTAB =
            Pattern.compile(
                    "(comment|x-(?!mount\\.)[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?(?==|$))(=[A-Za-z0-9_.:/@%+-]{0,255})?");

    /// Options of the mount itself; an empty value says what holds anyway, or is for programs that
    /// mount what /etc/fstab lists.
    private static final Map<String, String> ATTRIBUTES =
            Map.ofEntries(
                    Map.entry("defaults", ""),
                    Map.entry("auto", ""),
                    Map.entry("noauto", ""),
                    Map.entry("nofail", ""),
                    Map.entry("_netdev", ""),
                    Map.entry("nouser", ""),
                    Map.entry("nomand", ""),
                    Map.entry("norelatime", ""),
                    Map.entry("nostrictatime", ""),
                    Map.entry("silent", ""),
                    Map.entry("loud", ""),
                    Map.entry("rw", ""),
                    Map.entry("nosuid", ""),
                    Map.entry("nodev", ""),
                    Map.entry("exec", ""),
                    Map.entry("noexec", "noexec"),
                    Map.entry("atime", ""),
                    Map.entry("diratime", ""),
                    Map.entry("noatime", "noatime"),
                    Map.entry("nodiratime", "nodiratime"),
                    Map.entry("relatime", "relatime"),
                    Map.entry("strictatime", "strictatime"));

    /// Pairs of which one takes back the other.
    private static final Map<String, String> OPPOSITES =
            Map.of(
                    "rw", "ro",
                    "auto", "noauto",
                    "silent", "loud",
                    "relatime", "norelatime",
                    "strictatime", "nostrictatime",
                    "noexec", "exec",
                    "noatime", "atime",
                    "nodiratime", "diratime");

    public MountOptions {
        attributes = Set.copyOf(attributes);
        superblock = List.copyOf(superblock);
    }

    /// No options at all.
    public static MountOptions none(FileSystemType fileSystem) {
        return new MountOptions(fileSystem, false, Set.of(), List.of());
    }

    /// @param flags one option each; none may hide a second one behind a comma. The exception is
    ///     the kubelet's `context="..."` for SELinux, whose quotes come off and whose commas stay.
    /// @throws VolumeException INVALID naming the first option that is not known to be safe
    public static MountOptions parse(FileSystemType fileSystem, List<String> flags) {
        var known = KnownMountOptions.of(fileSystem);
        var attributes = new TreeSet<String>();
        var settings = new TreeMap<String, Asked>();
        for (var flag : flags) {
            var setting = known.setting(flag);
            if (setting.isPresent()) {
                refuseContradiction(settings, new Asked(flag, setting.get()));
            } else if (flag.equals("ro") || ATTRIBUTES.containsKey(flag)) {
                attributes.add(flag);
            } else if (!FSTAB.matcher(flag).matches()) {
                throw unknown(fileSystem, flag, known);
            }
        }
        refuseOpposites(attributes);
        var superblock = new ArrayList<String>();
        settings.values().forEach(asked -> asked.setting().passed().ifPresent(superblock::add));
        return new MountOptions(
                fileSystem, attributes.contains("ro"), effective(attributes), superblock);
    }

    private static Set<String> effective(Set<String> attributes) {
        return attributes.stream()
                .map(attribute -> ATTRIBUTES.getOrDefault(attribute, ""))
                .filter(attribute -> !attribute.isEmpty())
                .collect(Collectors.toSet());
    }

    private record Asked(String flag, KnownMountOptions.Setting setting) {}

    private static void refuseContradiction(Map<String, Asked> settings, Asked asked) {
        var before = settings.put(asked.setting().key(), asked);
        if (before != null && !before.setting().value().equals(asked.setting().value())) {
            throw opposites(before.flag(), asked.flag());
        }
    }

    private static void refuseOpposites(Set<String> attributes) {
        var atime = attributes.stream().filter(ATIME::contains).toList();
        if (atime.size() > 1) {
            throw opposites(atime.get(0), atime.get(1));
        }
        OPPOSITES.forEach(
                (one, other) -> {
                    if (attributes.contains(one) && attributes.contains(other)) {
                        throw opposites(one, other);
                    }
                });
    }

    private static VolumeException opposites(String one, String other) {
        return new VolumeException(
                Reason.INVALID,
                "mount options '%s' and '%s' contradict each other: leave out one of them"
                        .formatted(one, other));
    }

    private static VolumeException unknown(
            FileSystemType fileSystem, String flag, KnownMountOptions known) {
        var names = new TreeSet<>(ATTRIBUTES.keySet());
        names.add("ro");
        names.addAll(known.spellings());
        return new VolumeException(
                Reason.INVALID,
                "mount option '%s' is not known to be safe for %s: use one option each of %s"
                        .formatted(Printable.of(flag), fileSystem, String.join(", ", names)));
    }

    /// Whether a file system whose mount shows `shown` in mountinfo was mounted with these
    /// options. What neither side mentions, or mentions with its usual value, is the same; where
    /// the kernel chooses by itself, only what was asked for counts; what it sets because of what
    /// another option says does not count at all.
    public boolean sameSuperblock(Collection<String> shown) {
        var known = KnownMountOptions.of(fileSystem);
        var asked = canonical(known, superblock);
        var there = canonical(known, shown);
        var keys = new TreeSet<>(asked.keySet());
        keys.addAll(there.keySet());
        return keys.stream()
                .allMatch(
                        key ->
                                known.decided(key, there)
                                        || known.chosenByKernel(key) && !asked.containsKey(key)
                                        || value(known, asked, key)
                                                .equals(value(known, there, key)));
    }

    private static String value(KnownMountOptions known, Map<String, String> settings, String key) {
        return settings.getOrDefault(key, known.usual(key));
    }

    private static Map<String, String> canonical(
            KnownMountOptions known, Collection<String> options) {
        var values = new HashMap<String, String>();
        for (var option : options) {
            if (option.startsWith(CONTEXT)) {
                // with its commas, quoted as mountinfo shows it or not as the kernel takes it
                values.put("context", option.substring(CONTEXT.length()).replace("\"", ""));
            } else {
                known.setting(option).ifPresent(s -> values.put(s.key(), s.value()));
            }
        }
        return values;
    }
}
