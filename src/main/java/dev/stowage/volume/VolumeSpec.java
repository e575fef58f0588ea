package dev.stowage.volume;

import java.util.List;
import java.util.Optional;

/// What a backend is asked to make; everything that the pool decides for itself has been decided.
///
/// @param name the name that the caller chose; any text, at most 128 bytes
/// @param fileSystem what the volume will be formatted with on its first use; empty for raw block
/// @param mkfsOptions checked options for that first format
/// @param blockSizeBytes the logical block size of the device, fixed for the volume's life: a file
///     system made at one size does not mount at another
/// @param content what it begins with
/// @param requestedBytes what the caller asked for, which may be less than `capacity` requires; 0
///     means "not said"
public record VolumeSpec(
        String name,
        CapacityRange capacity,
        Optional<FileSystemType> fileSystem,
        List<String> mkfsOptions,
        Provisioning provisioning,
        int blockSizeBytes,
        Content content,
        LimitSettings limits,
        long requestedBytes) {
    public static final int DEFAULT_BLOCK_SIZE = 512;

    public VolumeSpec {
        mkfsOptions = List.copyOf(mkfsOptions);
    }

    /// A volume as large as is asked for.
    public VolumeSpec(
            String name,
            CapacityRange capacity,
            Optional<FileSystemType> fileSystem,
            List<String> mkfsOptions,
            Provisioning provisioning,
            int blockSizeBytes,
            Content content,
            LimitSettings limits) {
        this(
                name,
                capacity,
                fileSystem,
                mkfsOptions,
                provisioning,
                blockSizeBytes,
                content,
                limits,
                capacity.requiredBytes());
    }

    /// A volume that begins blank.
    public VolumeSpec(
            String name,
            CapacityRange capacity,
            Optional<FileSystemType> fileSystem,
            List<String> mkfsOptions,
            Provisioning provisioning,
            int blockSizeBytes) {
        this(
                name,
                capacity,
                fileSystem,
                mkfsOptions,
                provisioning,
                blockSizeBytes,
                new Content.Blank(),
                LimitSettings.NONE);
    }

    /// The same, large enough for a content of `bytes`, and with the block size that it has.
    ///
    /// @throws VolumeException OUT_OF_RANGE if the limit forbids it
    public VolumeSpec holding(long bytes, int contentBlockSizeBytes) {
        return new VolumeSpec(
                name,
                capacity.raisedTo(bytes),
                fileSystem,
                mkfsOptions,
                provisioning,
                contentBlockSizeBytes,
                content,
                limits,
                requestedBytes);
    }

    /// The same, with no larger size than `largestBytes`, which is at least what is required.
    public VolumeSpec atMost(long largestBytes) {
        return new VolumeSpec(
                name,
                capacity.atMost(largestBytes),
                fileSystem,
                mkfsOptions,
                provisioning,
                blockSizeBytes,
                content,
                limits,
                requestedBytes);
    }

    /// The largest size that its file system could have.
    public long largestBytes() {
        return fileSystem
                .map(type -> LargestVolume.bytes(type, mkfsOptions))
                .orElse(Long.MAX_VALUE);
    }

    /// The size to make: what is asked for, and enough for the file system.
    ///
    /// @throws VolumeException OUT_OF_RANGE if the limit forbids it, or the file system holds less;
    ///     INVALID if no size is enough for what the options ask for
    public long sizeBytes() {
        return fileSystem
                .map(type -> LargestVolume.within(capacity, type, mkfsOptions))
                .orElse(capacity)
                .choose(fileSystem.map(this::smallest).orElse(1L));
    }

    private long smallest(FileSystemType type) {
        var bytes = SmallestVolume.bytes(type, mkfsOptions);
        if (capacity.limitBytes() > 0 && capacity.limitBytes() < bytes) {
            throw new VolumeException(
                    Reason.OUT_OF_RANGE,
                    "the limit is %d bytes, but %s needs at least %d"
                            .formatted(
                                    capacity.limitBytes(),
                                    MkfsOptions.described(type, mkfsOptions),
                                    bytes));
        }
        return bytes;
    }
}
