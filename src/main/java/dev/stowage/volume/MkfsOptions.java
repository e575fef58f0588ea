package dev.stowage.volume;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Options for mkfs that an administrator may set in a StorageClass: `-m 0 -i 65536`. Each is an
/// option and its value as two words. What names a file or device, makes an external journal,
/// forces, discards, or only pretends is not among them; labels and uuids neither, two volumes
/// would share them.
public final class MkfsOptions {
    private static final String NUMBER = "[1-9][0-9]{0,11}";
    private static final String SIZE = "[1-9][0-9]{0,11}[kKmM]?|[1-9][0-9]{0,8}[gG]";
    private static final String BIT = "[01]";
    private static final String POWER_OF_2 =
            "1|2|4|8|16|32|64|128|256|512|1024|2048|4096|8192|16384|32768|65536";

    private static final Map<String, Value> EXT =
            Map.of(
                    "-b", new Text("1024|2048|4096"),
                    "-i", new Text("[1-9][0-9]{3,7}"), // 1024 to 64 MiB, says mke2fs
                    "-I", new Text("256|512|1024|2048|4096"),
                    "-m", new Text("(?:[0-9]|[1-4][0-9])(?:\\.[0-9]{1,2})?|50"),
                    "-N", new Text(NUMBER),
                    "-G", new Text(POWER_OF_2),
                    "-T", new Text("default|small|big|huge|news|largefile|largefile4"),
                    "-J",
                            new Settings(
                                    Map.of("size", "[1-9][0-9]{0,5}", "fast_commit_size", NUMBER)),
                    "-E",
                            new Settings(
                                    Map.of(
                                            "lazy_itable_init", BIT,
                                            "lazy_journal_init", BIT,
                                            "packed_meta_blocks", BIT,
                                            "stride", NUMBER,
                                            "stripe_width", NUMBER,
                                            "stripe-width", NUMBER,
                                            "resize", NUMBER,
                                            "root_owner", "[0-9]{1,10}:[0-9]{1,10}",
                                            "nodiscard", "")),
                    "-O",
                            new Features(
                                    "64bit|dir_index|dir_nlink|ext_attr|extent|extents|extra_isize"
                                            + "|fast_commit|filetype|flex_bg|huge_file|inline_data"
                                            + "|large_dir|large_file|metadata_csum"
                                            + "|metadata_csum_seed|orphan_file|project|quota"
                                            + "|resize_inode|sparse_super|uninit_bg"));

    /// What an ext4 has and an ext3 has not: mke2fs makes it, and the kernel's ext3 does not mount
    /// it (fs/ext4/super.c, ext3_feature_set_ok), or not any more after a crash (orphan_file).
    private static final Set<String> BEYOND_EXT3 =
            Set.of(
                    "64bit",
                    "dir_nlink",
                    "extent",
                    "extents",
                    "extra_isize",
                    "flex_bg",
                    "huge_file",
                    "inline_data",
                    "large_dir",
                    "metadata_csum",
                    "metadata_csum_seed",
                    "orphan_file",
                    "project",
                    "quota",
                    "uninit_bg");

    private static final Map<String, Value> EXT3 = ext3();

    private static final Map<String, Value> XFS =
            Map.of(
                    "-b", new Settings(Map.of("size", "1024|2048|4096|1k|2k|4k")),
                    "-s", new Settings(Map.of("size", "512|1024|2048|4096|4k")),
                    "-d",
                            new Settings(
                                    Map.of(
                                            "agcount", "[2-9]|[1-9][0-9]{1,5}",
                                            "agsize", SIZE,
                                            "su", SIZE,
                                            "sw", NUMBER,
                                            "sunit", NUMBER,
                                            "swidth", NUMBER),
                                    List.of(
                                            new Together("su", "sw"),
                                            new Together("sunit", "swidth"),
                                            new NotBoth("su", "sunit"),
                                            new NotBoth("agcount", "agsize"))),
                    "-i",
                            new Settings(
                                    Map.of(
                                            "size", "512|1024|2048",
                                            "maxpct", "[0-9]{1,2}|100",
                                            "sparse", BIT)),
                    "-l",
                            new Settings(
                                    Map.of("size", SIZE, "su", SIZE, "sunit", NUMBER),
                                    List.of(new NotBoth("su", "sunit"))),
                    "-m",
                            new Settings(
                                    Map.of(
                                            "finobt", BIT,
                                            "rmapbt", BIT,
                                            "reflink", BIT,
                                            "bigtime", BIT,
                                            "inobtcount", BIT)),
                    "-n",
                            new Settings(
                                    Map.of(
                                            "size",
                                            "4096|8192|16384|32768|65536|4k|8k|16k|32k|64k")));

    /// Those of Debian 12's mkfs.btrfs (6.2, `-O list-all`): later ones know more of them.
    private static final Features BTRFS_FEATURES = new Features("extref|no-holes|skinny-metadata");

    private static final Map<String, Value> BTRFS =
            Map.ofEntries(
                    Map.entry("-n", new Text("4096|8192|16384|32768|65536|4k|8k|16k|32k|64k")),
                    Map.entry(
                            "--nodesize",
                            new Text("4096|8192|16384|32768|65536|4k|8k|16k|32k|64k")),
                    Map.entry("-m", new Text("single|dup")),
                    Map.entry("--metadata", new Text("single|dup")),
                    Map.entry("-d", new Text("single|dup")),
                    Map.entry("--data", new Text("single|dup")),
                    Map.entry("--csum", new Text("crc32c|xxhash|sha256|blake2")),
                    Map.entry("--checksum", new Text("crc32c|xxhash|sha256|blake2")),
                    Map.entry("-O", BTRFS_FEATURES),
                    Map.entry("--features", BTRFS_FEATURES));

    /// What may stand behind an option.
    private sealed interface Value {
        boolean accepts(String value);

        String known();
    }

    /// @param pattern of the whole value
    private record Text(String pattern) implements Value {
        @Override
        public boolean accepts(String value) {
            return value.matches(pattern);
        }

        @Override
        public String known() {
            return pattern.startsWith("[") || pattern.startsWith("(") ? "a number" : pattern;
        }
    }

    /// What mkfs wants of the keys of one list.
    private sealed interface Rule {
        boolean holds(Set<String> keys);
    }

    private record Together(String one, String other) implements Rule {
        @Override
        public boolean holds(Set<String> keys) {
            return keys.contains(one) == keys.contains(other);
        }

        @Override
        public String toString() {
            return "%s with %s".formatted(one, other);
        }
    }

    private record NotBoth(String one, String other) implements Rule {
        @Override
        public boolean holds(Set<String> keys) {
            return !keys.contains(one) || !keys.contains(other);
        }

        @Override
        public String toString() {
            return "%s or %s".formatted(one, other);
        }
    }

    /// `key=value,key=value`; a key whose pattern is empty stands alone.
    private record Settings(Map<String, String> patterns, List<Rule> rules) implements Value {
        Settings(Map<String, String> patterns) {
            this(patterns, List.of());
        }

        @Override
        public boolean accepts(String value) {
            var seen = new HashSet<String>();
            for (var setting : value.split(",", -1)) {
                var equals = setting.indexOf('=');
                var key = equals < 0 ? setting : setting.substring(0, equals);
                var text = equals < 0 ? "" : setting.substring(equals + 1);
                var pattern = patterns.get(key);
                if (pattern == null
                        || !seen.add(key)
                        || pattern.isEmpty() != (equals < 0)
                        || !text.matches(pattern)) {
                    return false;
                }
            }
            return rules.stream().allMatch(rule -> rule.holds(seen));
        }

        @Override
        public String known() {
            var keys =
                    patterns.entrySet().stream()
                            .map(key -> key.getKey() + (key.getValue().isEmpty() ? "" : "="))
                            .sorted()
                            .toList();
            return "a list of "
                    + String.join(", ", keys)
                    + rules.stream().map(rule -> "; " + rule).collect(Collectors.joining());
        }
    }

    /// Names, each with `^` before it to leave the feature out; the journal is not among them.
    ///
    /// @param missing what can only be left out
    private record Features(String names, Set<String> missing) implements Value {
        Features(String names) {
            this(names, Set.of());
        }

        Features without(Set<String> features) {
            return new Features(names, features);
        }

        @Override
        public boolean accepts(String value) {
            return value.matches("\\^?(?:" + names + ")(?:,\\^?(?:" + names + "))*")
                    && Stream.of(value.split(",")).noneMatch(missing::contains);
        }

        @Override
        public String known() {
            return "a list of "
                    + Stream.of(names.split("\\|"))
                            .filter(name -> !missing.contains(name))
                            .collect(Collectors.joining(", "))
                    + ", each with ^ before it to leave it out";
        }
    }

    private MkfsOptions() {}

    /// `-G` is about flex_bg.
    private static Map<String, Value> ext3() {
        var options = new HashMap<>(EXT);
        options.remove("-G");
        options.computeIfPresent("-O", (_, features) -> ((Features) features).without(BEYOND_EXT3));
        return Map.copyOf(options);
    }

    /// The file system and its options, for messages: `ext4 with mkfsOptions '-m 0'`.
    public static String described(FileSystemType fileSystem, List<String> options) {
        return options.isEmpty()
                ? fileSystem.kernelName()
                : "%s with mkfsOptions '%s'".formatted(fileSystem, String.join(" ", options));
    }

    /// @throws VolumeException INVALID naming the first option that is not known to be safe
    public static void check(FileSystemType fileSystem, List<String> options) {
        var known = known(fileSystem);
        var seen = new HashSet<String>();
        for (var i = 0; i < options.size(); i += 2) {
            var name = options.get(i);
            var value = known.get(name);
            if (value == null) {
                throw unknown(fileSystem, name);
            }
            if (!seen.add(name)) {
                throw invalid(
                        "mkfs option '%s' is given twice: put its values into one list with commas",
                        name);
            }
            if (i + 1 == options.size()) {
                throw invalid("mkfs option '%s' lacks its value: give %s", name, value.known());
            }
            if (!value.accepts(options.get(i + 1))) {
                throw invalid(
                        "mkfs option '%s %s' is not known to be safe for %s: give %s",
                        name, Printable.of(options.get(i + 1)), fileSystem, value.known());
            }
        }
    }

    private static Map<String, Value> known(FileSystemType fileSystem) {
        return switch (fileSystem) {
            case EXT4 -> EXT;
            case EXT3 -> EXT3;
            case XFS -> XFS;
            case BTRFS -> BTRFS;
        };
    }

    private static VolumeException unknown(FileSystemType fileSystem, String name) {
        return invalid(
                "mkfs option '%s' is not known to be safe for %s: use %s, each followed by its value as a word of its own",
                Printable.of(name),
                fileSystem,
                String.join(", ", new TreeSet<>(known(fileSystem).keySet())));
    }

    private static VolumeException invalid(String format, Object... arguments) {
        return new VolumeException(Reason.INVALID, String.format(format, arguments));
    }
}
