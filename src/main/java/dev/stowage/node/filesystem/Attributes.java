package dev.stowage.node.filesystem;

import dev.stowage.linux.MountPoint;
import dev.stowage.linux.Mounts.MountAttribute;
import dev.stowage.volume.MountOptions;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/// The attributes of our mounts: never set-user-id programs, never device files but the volume's
/// own.
public final class Attributes {
    /// What mountinfo says of a mount that requests can differ in. `rw` is the absence of `ro`.
    private static final Set<String> COMPARED =
            Set.of("ro", "noexec", "noatime", "nodiratime", "relatime", "strictatime");

    private Attributes() {}

    /// The mark is described in [VolumeMounts].
    public static Set<MountAttribute> staging(MountOptions options, boolean readOnly) {
        var attributes =
                EnumSet.of(
                        MountAttribute.NOSUID,
                        MountAttribute.NODEV,
                        MountAttribute.NOATIME,
                        MountAttribute.NODIRATIME);
        if (options.attributes().contains("noexec")) {
            attributes.add(MountAttribute.NOEXEC);
        }
        return withReadOnly(attributes, readOnly);
    }

    public static Set<MountAttribute> published(MountOptions options, boolean readOnly) {
        var attributes = EnumSet.of(MountAttribute.NOSUID, MountAttribute.NODEV);
        for (var name : options.attributes()) {
            attributes.add(MountAttribute.valueOf(name.toUpperCase(Locale.ROOT)));
        }
        if (attributes.contains(MountAttribute.NOATIME)) {
            // it says the same of folders, and both together are the mark of staging
            attributes.remove(MountAttribute.NODIRATIME);
        } else if (!attributes.contains(MountAttribute.STRICTATIME)) {
            attributes.add(MountAttribute.RELATIME);
        }
        return withReadOnly(attributes, readOnly);
    }

    /// A device node: `nodev` would forbid opening it.
    public static Set<MountAttribute> device(boolean readOnly) {
        return withReadOnly(EnumSet.of(MountAttribute.NOSUID, MountAttribute.NOEXEC), readOnly);
    }

    /// Those that a mount has.
    public static Set<MountAttribute> of(MountPoint mount) {
        var attributes = EnumSet.noneOf(MountAttribute.class);
        for (var attribute : MountAttribute.values()) {
            if (mount.attributes().contains(shown(attribute))) {
                attributes.add(attribute);
            }
        }
        return attributes;
    }

    /// As mountinfo names it.
    private static String shown(MountAttribute attribute) {
        return attribute == MountAttribute.READ_ONLY
                ? "ro"
                : attribute.name().toLowerCase(Locale.ROOT);
    }

    /// Whether the mount has these attributes, as far as requests can differ in them.
    public static boolean same(Set<MountAttribute> attributes, MountPoint mount) {
        var wanted =
                attributes.stream()
                        .map(Attributes::shown)
                        // shown by its absence
                        .filter(name -> !name.equals("strictatime"))
                        .filter(COMPARED::contains)
                        .collect(Collectors.toSet());
        var shown =
                mount.attributes().stream().filter(COMPARED::contains).collect(Collectors.toSet());
        return wanted.equals(shown);
    }

    private static Set<MountAttribute> withReadOnly(
            EnumSet<MountAttribute> attributes, boolean readOnly) {
        if (readOnly) {
            attributes.add(MountAttribute.READ_ONLY);
        }
        return attributes;
    }
}
