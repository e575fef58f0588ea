package dev.stowage.linux;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// One line of /proc/self/mountinfo (proc_pid_mountinfo(5)).
///
/// @param device `major:minor` of the file system; btrfs has one that belongs to no device
/// @param root what of the file system is mounted: `/`, or of a bind mount a folder or file in it
/// @param attributes what holds for this mount: `ro`, `nosuid`
/// @param shared whether what is mounted below is seen in other mount namespaces
/// @param superblock what holds for the file system, as it chooses to show it
public record MountPoint(
        long id,
        String device,
        String root,
        String path,
        Set<String> attributes,
        boolean shared,
        String type,
        String source,
        List<String> superblock) {
    private static final int OPTIONAL_FIELDS = 6;

    /// @param line without its newline; octal escapes as in the file
    static MountPoint parse(String line) {
        var fields = line.split(" ", -1);
        var separator = OPTIONAL_FIELDS;
        var shared = false;
        while (!fields[separator].equals("-")) {
            shared |= fields[separator].startsWith("shared:");
            separator++;
        }
        return new MountPoint(
                Long.parseLong(fields[0]),
                fields[2],
                Octal.unescape(fields[3]),
                Octal.unescape(fields[4]),
                Set.of(fields[5].split(",")),
                shared,
                Octal.unescape(fields[separator + 1]),
                Octal.unescape(fields[separator + 2]),
                options(Octal.unescape(fields[separator + 3])));
    }

    /// Whether [#path()] is one for Java: others may mount at paths that are no UTF-8. Such a path
    /// equals no other, and what is there is reached by the methods below.
    public boolean hasUtf8Path() {
        return KernelText.isUtf8(path);
    }

    /// The path for a person.
    public String shownPath() {
        return KernelText.shown(path);
    }

    /// Whether it is mounted within the folder, by the bytes of both paths.
    public boolean liesBelow(Path folder) {
        var own = KernelText.cString(path);
        var outer = (folder + "/").getBytes(StandardCharsets.UTF_8);
        return own.length > outer.length
                && Arrays.equals(own, 0, outer.length, outer, 0, outer.length);
    }

    /// What is at the path, where there is anything; a symlink is not followed.
    public Optional<Stat> lstatIfExists() throws ErrnoException {
        return Stat.find(
                SystemCalls.AT_FDCWD,
                KernelText.cString(path),
                SystemCalls.AT_SYMLINK_NOFOLLOW,
                path);
    }

    /// Opens what is at the path, which need not be this mount.
    public Fd open(int flags) throws ErrnoException {
        return Fd.open(SystemCalls.AT_FDCWD, KernelText.cString(path), flags, 0, path);
    }

    public boolean readOnly() {
        return attributes.contains("ro");
    }

    public boolean superblockReadOnly() {
        return superblock.contains("ro");
    }

    /// Whether writes are refused below every mount of it.
    public boolean refusesWrites() {
        return superblockReadOnly() || emergencyReadOnly();
    }

    /// Whether an error has made an ext4 refuse writes. From Linux 6.15 on statfs does not show it
    /// (`emergency_ro`, fs/ext4/super.c).
    public boolean emergencyReadOnly() {
        return superblock.contains("emergency_ro");
    }

    /// ext4 says so (Linux 6.8); XFS does not, see [FileSystemHealth#xfsShutDown].
    public boolean shutDown() {
        return superblock.contains("shutdown");
    }

    /// Splits at commas, but not within quotes: SELinux contexts have commas.
    private static List<String> options(String text) {
        var options = new ArrayList<String>();
        var start = 0;
        var quoted = false;
        for (var i = 0; i < text.length(); i++) {
            if (text.charAt(i) == '"') {
                quoted = !quoted;
            } else if (text.charAt(i) == ',' && !quoted) {
                options.add(text.substring(start, i));
                start = i + 1;
            }
        }
        options.add(text.substring(start));
        return List.copyOf(options);
    }
}
