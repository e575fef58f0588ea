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

    /// One option: what it decides, on what value, and how it is said to the kernel: empty for
    /// nothing.
    record Setting(String key, String value, Optional<String> passed) {}

    /// @param spelling how people are shown it
    /// @param form what it must look like, with the value as first group
    /// @param passed whether the kernel is told
    private record Rule(
            String spelling,
            Pattern form,
            String key,
            UnaryOperator<String> value,
            boolean passed) {
        Rule(String spelling, Pattern form, String key, UnaryOperator<String> value) {
            this(spelling, form, key, value, true);
        }
    }

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
            return Optional.of(new Setting("context", label, Optional.of("context=" + label)));
        }
        for (var rule : rules) {
            var match = rule.form().matcher(option);
            if (match.matches()) {
                return Optional.of(
                        new Setting(
                                rule.key(),
                                rule.value().apply(match.group(1)),
                                rule.passed() ? Optional.of(option) : Optional.empty()));
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
        table.implied("dioread_nolock", "dioread_lock", "off");
        table.flag("dioread_lock", "dioread_lock", "on", "off");
        table.flag("nodioread_nolock", "dioread_lock", "on", "off");
        table.flag("journal_checksum", "journal_checksum", "on", "on");
        table.decides("data", "journal", "delalloc", "dioread_lock");
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
        table.choice("data_err", "ignore|abort", "ignore");
        table.groups().number("init_itable", 0, "10").implied("init_itable", "init_itable", "10");
        table.flag("noinit_itable", "init_itable", "no", "10");
        table.number("max_batch_time", 0, "15000").number("min_batch_time", 0, "0");
        table.implied("noquota", "quota", "off").implied("block_validity", "block_validity", "on");
        table.implied("bsddf", "df", "bsd");
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
        table.implied("noquota", "prjquota", "off");
        table.groups().flag("noalign", "noalign", "on", "off");
        table.flag("filestreams", "filestreams", "on", "off");
        table.implied("attr2", "attr2", "on").implied("noikeep", "noikeep", "on");
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
        table.implied("treelog", "treelog", "on").flag("notreelog", "treelog", "off", "on");
        table.implied("space_cache", "space_cache", "on");
        table.implied("space_cache=v2", "space_cache", "on");
        table.flag("user_subvol_rm_allowed", "user_subvol_rm_allowed", "on", "off");
        table.implied("noquota", "quota", "off");
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
            implied("acl", "acl", "on").implied("user_xattr", "user_xattr", "on");
            implied("barrier", "barrier", "on").implied("barrier=1", "barrier", "on");
            return onOff("lazytime", "off");
        }

        /// Which group a new file gets.
        private Table groups() {
            flag("grpid", "grpid", "on", "off").flag("bsdgroups", "grpid", "on", "off");
            return implied("nogrpid", "grpid", "off").implied("sysvgroups", "grpid", "off");
        }

        /// An option that says what holds anyway. Kernels and file systems that know no
        /// alternative may refuse it, so they are not told.
        private Table implied(String name, String key, String value) {
            var form = Pattern.compile("(" + name + ")");
            rules.add(new Rule(name, form, key, _ -> value, false));
            usual.put(key, value);
            return this;
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
