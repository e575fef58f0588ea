package dev.stowage.linux;

import java.util.Comparator;
import java.util.regex.Pattern;

/// The running kernel's version, as far as features depend on it.
public record KernelVersion(int major, int minor) implements Comparable<KernelVersion> {
    private static final Pattern RELEASE = Pattern.compile("(\\d+)\\.(\\d+).*", Pattern.DOTALL);

    /// From /proc/sys/kernel/osrelease, e.g. `6.1.0-13-amd64`.
    static KernelVersion parse(String release) {
        var matcher = RELEASE.matcher(release);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("Not a kernel release: " + release.strip());
        }
        return new KernelVersion(
                Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)));
    }

    @Override
    public int compareTo(KernelVersion other) {
        return Comparator.comparingInt(KernelVersion::major)
                .thenComparingInt(KernelVersion::minor)
                .compare(this, other);
    }

    @Override
    public String toString() {
        return major + "." + minor;
    }
}
