package dev.stowage.linux;

/// What differs when a file, or the names in a folder, have changed between two looks. Equal looks
/// mean equal content, unless it changed once more within one tick of the file system's clock,
/// which may be as coarse as a second.
///
/// @param size in bytes
/// @param modifiedNanos when the content changed, since 1970, by the file system's clock
/// @param changedNanos when the content or anything said of it changed; nobody can set it
public record FileVersion(long dev, long ino, long size, long modifiedNanos, long changedNanos) {}
