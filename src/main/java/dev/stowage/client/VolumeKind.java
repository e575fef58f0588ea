package dev.stowage.client;

import csi.v1.VolumeCapability;
import csi.v1.VolumeCapability.AccessMode;
import csi.v1.VolumeCapability.BlockVolume;
import csi.v1.VolumeCapability.MountVolume;
import dev.stowage.volume.FileSystemType;
import java.util.Locale;
import java.util.Optional;

/// What a volume of the demo or the benchmark is used as.
public enum VolumeKind {
    EXT4(FileSystemType.EXT4),
    XFS(FileSystemType.XFS),
    BTRFS(FileSystemType.BTRFS),
    BLOCK(null);

    private final Optional<FileSystemType> fileSystem;

    VolumeKind(@org.jspecify.annotations.Nullable FileSystemType fileSystem) {
        this.fileSystem = Optional.ofNullable(fileSystem);
    }

    /// Empty for a raw block device.
    public Optional<FileSystemType> fileSystem() {
        return fileSystem;
    }

    /// One node that reads and writes: ReadWriteOnce.
    public VolumeCapability capability() {
        var made =
                VolumeCapability.newBuilder()
                        .setAccessMode(
                                AccessMode.newBuilder()
                                        .setMode(AccessMode.Mode.SINGLE_NODE_WRITER));
        fileSystem.ifPresentOrElse(
                type -> made.setMount(MountVolume.newBuilder().setFsType(type.kernelName())),
                () -> made.setBlock(BlockVolume.getDefaultInstance()));
        return made.build();
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
