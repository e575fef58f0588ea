package dev.stowage.linux;

/// The identity of a file on this machine: st_dev (in the kernel's 64-bit encoding) and st_ino. Not
/// stable over reboots: the device number of a btrfs subvolume is given out anew at each mount.
public record FileId(long dev, long ino) {}
