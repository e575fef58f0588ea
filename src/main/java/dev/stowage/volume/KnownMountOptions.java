package dev.stowage.volume;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/// The options of each file system that can't harm anybody but the volume's owner: none names a
/// device, a file, a subvolume or another superblock, gives up the journal's or the barriers'
/// promises, or takes the machine down when the file system errs. ext4(5), xfs(5), btrfs(5).
final class KnownMountOptions {
    /// `context="..."` as the kubelet writes it, or as the kernel shows it: unquoted where it has
    /// no comma.
    private static final Pattern CONTEXT =
            Pattern.compile("context=(?:\"([A-Za-z0-9_:.,-]{1,255})\"|([A-Za-z0-9_:.-]{1,255}))");

    private static final Map<FileSystemType, KnownMountOptions> KNOWN =
            Map.of(
                    FileSystemType.EXT4, ext4(),
                    FileSystemType.EXT3, ext3(),
                    FileSystemType.XFS, xfs(),
                    FileSystemType.BTRFS, btrfs());

    private final List<Rule> rules;
    private final Map<String, String> usual;
    private final Set<String> chosenByKernel;
    private final Map<Value, Set<String>> decides;

    /// What an option decides, and how.
    private record Value(String key, String value) {}

    /// One option: what it decides, on what value, and how it is said to the kernel.
    record Setting(String key, String value, String spelled) {}

    /// @param spelling how people are shown it
    /// @param form what it must look like, with the value as first group
    private record Rule(String spelling, Pattern form, String key, UnaryOperator<String> value) {}

    private KnownMountOptions(
            List<Rule> rules,
            Map<String, String> usual,
            Set<String> chosenByKernel,
            Map<Value, Set<String>> decides) {
        this.rules = List.copyOf(rules);
        this.usual = Map.copyOf(usual);
        this.chosenByKernel = Set.copyOf(chosenByKernel);
        this.decides = Map.copyOf(decides);
    }

    static KnownMountOptions of(FileSystemType fileSystem) {
        return Objects.requireNonNull(KNOWN.get(fileSystem));
    }

    /// What `option` sets, or empty if it is not known here.
    Optional<Setting> setting(String option) {
        var context = CONTEXT.matcher(option);
        if (context.matches()) {
            var label = context.group(1) == null ? context.group(2) : context.group(1);
            return Optional.of(new Setting("context", label, "context=" + label));
        }
        for (var rule : rules) {
            var match = rule.form().matcher(option);
            if (match.matches()) {
                return Optional.of(
                        new Setting(rule.key(), rule.value().apply(match.group(1)), option));
            }
        }
        return Optional.empty();
    }

    /// The value that holds where mountinfo says nothing.
    String usual(String key) {
        return usual.getOrDefault(key, "");
    }

    /// Whether the kernel decides by the device, or by what mkfs has written there, where nothing
    /// was asked for.
    boolean chosenByKernel(String key) {
        return chosenByKernel.contains(key);
    }

    /// Whether one of the values in force leaves no choice for this key: `nodatacow` is also
    /// `nodatasum`, whether anybody says so or not.
    boolean decided(String key, Map<String, String> inForce) {
        return inForce.entrySet().stream()
                .map(entry -> decides.get(new Value(entry.getKey(), entry.getValue())))
                .anyMatch(keys -> keys != null && keys.contains(key));
    }

    List<String> spellings() {
        var all = new ArrayList<>(rules.stream().map(Rule::spelling).toList());
        all.add("context=\"...\"");
        return all;
    }

    private static KnownMountOptions ext4() {
        var table = ext().onOff("delalloc", "on");
        table.decides("data", "journal", "delalloc");
        return table.known();
    }

    private static KnownMountOptions ext3() {
        return ext().known();
    }

    private static Table ext() {
        var table = new Table().common().number("commit", 1, "5").onOff("discard", "off");
        table.choice("data", "ordered|writeback|journal", "ordered");
        table.choice("errors", "continue|remount-ro", "continue");
        table.onOff("auto_da_alloc", "on").number("stripe", 2, "0").kernelChooses("stripe");
        return table;
    }

    private static KnownMountOptions xfs() {
        var table = new Table().common().onOff("discard", "off").onOff("largeio", "off");
        table.flag("inode64", "inodes", "64", "64").flag("inode32", "inodes", "32", "64");
        table.size("allocsize", "65536").number("logbufs", 2, "8");
        table.size("logbsize", "32768").kernelChooses("logbsize");
        table.flag("swalloc", "swalloc", "on", "off").flag("wsync", "wsync", "on", "off");
        table.decides("sync", "on", "wsync");
        table.flag("pquota", "prjquota", "on", "off").flag("prjquota", "prjquota", "on", "off");
        // always given, never shown
        table.flag("nouuid", "nouuid", "on", "on");
        return table.known();
    }

    private static KnownMountOptions btrfs() {
        var table = new Table().common().number("commit", 1, "30");
        table.flag("discard", "discard", "sync", "off")
                .flag("discard=sync", "discard", "sync", "off");
        table.flag("discard=async", "discard", "async", "off");
        table.flag("nodiscard", "discard", "off", "off").kernelChooses("discard");
        table.flag("ssd", "ssd", "on", "").flag("ssd_spread", "ssd", "spread", "");
        table.flag("nossd", "ssd", "off", "").kernelChooses("ssd");
        table.onOff("autodefrag", "off").onOff("datasum", "on").onOff("datacow", "on");
        table.onOff("flushoncommit", "off");
        table.compression();
        table.decides("datacow", "off", "datasum", "compress");
        return table.known();
    }

    private static final class Table {
        private final List<Rule> rules = new ArrayList<>();
        private final Map<String, String> usual = new HashMap<>();
        private final Set<String> chosenByKernel = new HashSet<>();
        private final Map<Value, Set<String>> decides = new HashMap<>();

        private Table common() {
            flag("sync", "sync", "on", "off").flag("async", "sync", "off", "off");
            flag("dirsync", "dirsync", "on", "off");
            return onOff("lazytime", "off");
        }

        private Table flag(String name, String key, String value, String usually) {
            rules.add(new Rule(name, Pattern.compile("(" + name + ")"), key, _ -> value));
            usual.put(key, usually);
            return this;
        }

        private Table onOff(String name, String usually) {
            return flag(name, name, "on", usually).flag("no" + name, name, "off", usually);
        }

        /// @param least what is less means the usual value
        private Table number(String name, int least, String usually) {
            var form = Pattern.compile(name + "=(0|[1-9][0-9]{0,6})");
            rules.add(
                    new Rule(
                            name + "=N",
                            form,
                            name,
                            value -> Integer.parseInt(value) < least ? usually : value));
            usual.put(name, usually);
            return this;
        }

        private Table choice(String name, String values, String usually) {
            var form = Pattern.compile(name + "=(" + values + ")");
            rules.add(new Rule(name + "=" + values, form, name, UnaryOperator.identity()));
            usual.put(name, usually);
            return this;
        }

        private Table size(String name, String usualBytes) {
            var form = Pattern.compile(name + "=([1-9][0-9]{0,9}[kKmMgG]?)");
            rules.add(new Rule(name + "=SIZE", form, name, Table::bytes));
            usual.put(name, usualBytes);
            return this;
        }

        /// What holds where nobody says anything is the kernel's choice.
        private void kernelChooses(String key) {
            chosenByKernel.add(key);
        }

        /// Where this is in force the kernel sets the others too.
        private void decides(String key, String value, String... others) {
            decides.put(new Value(key, value), Set.of(others));
        }

        private void compression() {
            var algorithm = "(zlib(?::[1-9])?|zstd(?::(?:[1-9]|1[0-5]))?|lzo|no)";
            rules.add(
                    new Rule(
                            "compress=zlib|lzo|zstd[:LEVEL]|no",
                            Pattern.compile("compress=" + algorithm),
                            "compress",
                            Table::withLevel));
            rules.add(
                    new Rule(
                            "compress-force=zlib|lzo|zstd[:LEVEL]",
                            Pattern.compile("compress-force=" + algorithm),
                            "compress",
                            value -> value.equals("no") ? value : "force " + withLevel(value)));
            usual.put("compress", "no");
        }

        /// The kernel shows the level also where nobody gave one; 3 is that of both.
        private static String withLevel(String algorithm) {
            return algorithm.equals("zlib") || algorithm.equals("zstd")
                    ? algorithm + ":3"
                    : algorithm;
        }

        private static String bytes(String size) {
            var last = size.toLowerCase(Locale.ROOT).charAt(size.length() - 1);
            var shift =
                    switch (last) {
                        case 'k' -> 10;
                        case 'm' -> 20;
                        case 'g' -> 30;
                        default -> 0;
                    };
            var digits = shift == 0 ? size : size.substring(0, size.length() - 1);
            return Long.toString(Long.parseLong(digits) << shift);
        }

        private KnownMountOptions known() {
            return new KnownMountOptions(rules, usual, chosenByKernel, decides);
        }
    }
}
