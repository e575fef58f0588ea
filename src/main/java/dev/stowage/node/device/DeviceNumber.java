package dev.stowage.node.device;

import dev.stowage.linux.Stat;

/// Device numbers as mountinfo writes them.
public final class DeviceNumber {
    private DeviceNumber() {}

    /// `major:minor` of the device that a device node stands for (new_decode_dev, linux/kdev_t.h).
    public static String of(Stat node) {
        var rdev = node.rdev();
        var major = (rdev >>> 8) & 0xfff;
        var minor = (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);
        return major + ":" + minor;
    }
}
