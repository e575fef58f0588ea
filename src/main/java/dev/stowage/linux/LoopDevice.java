package dev.stowage.linux;

import java.nio.file.Path;

/// A bound loop device as the kernel described it at one moment.
///
/// @param path `/dev/loopN`
/// @param image the backing file's identity
/// @param name `lo_file_name`, what its owner calls it
/// @param directIo whether it passes the backing file system's page cache by; where that was asked
///     for and the backing file system or the block size does not allow it, the kernel falls back
///     to buffered I/O
/// @param blockSize the logical block size in bytes
public record LoopDevice(
        int number,
        Path path,
        FileId image,
        String name,
        boolean readOnly,
        boolean directIo,
        long sizeBytes,
        int blockSize) {}
