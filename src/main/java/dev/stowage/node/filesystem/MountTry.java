package dev.stowage.node.filesystem;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.Linux;
import dev.stowage.linux.Mounts;
import dev.stowage.linux.Mounts.MountAttribute;
import dev.stowage.linux.PassingLoopDevice;
import dev.stowage.volume.FileSystemType;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// Finds out whether this kernel mounts the file system in an image, by mounting it read-only on a
/// read-only device where nobody sees it. Not one byte of the image changes, and nothing is left,
/// also not by a process that is killed.
public final class MountTry {
    private static final String NAME = "stowage-import";

    private MountTry() {}

    /// @param image may be being built; nothing else has it open for writing
    /// @param blockSize of the device that it will be mounted from later
    /// @throws VolumeException INVALID with the kernel's words if it refuses
    public static void require(FileSystemType fileSystem, Path image, int blockSize)
            throws IOException {
        requireRoot();
        try (var device = PassingLoopDevice.attach(image, NAME, blockSize, true)) {
            mount(fileSystem, device.path());
        }
    }

    /// @throws VolumeException FAILED_PRECONDITION where nothing can be mounted
    public static void requireRoot() {
        if (!Linux.isRoot()) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "a file system is mounted once before it becomes a volume, which takes root: run the command as root, on a cluster in a node's pod");
        }
    }

    private static void mount(FileSystemType fileSystem, Path device) throws IOException {
        try {
            if (fileSystem == FileSystemType.BTRFS && Btrfs.isDirty(device)) {
                mountOnce(fileSystem, device, withoutReplay(fileSystem));
                return;
            }
            try {
                mountOnce(fileSystem, device, List.of());
            } catch (ErrnoException e) {
                if (!e.is(Errno.EROFS)) {
                    throw e;
                }
                // its journal has to be replayed, and will be when it is staged
                mountOnce(fileSystem, device, withoutReplay(fileSystem));
            }
        } catch (ErrnoException e) {
            throw refused(fileSystem, e);
        }
    }

    private static List<String> withoutReplay(FileSystemType fileSystem) {
        return switch (fileSystem) {
            case EXT4, EXT3 -> List.of("noload");
            case XFS -> List.of("norecovery");
            case BTRFS -> List.of("rescue=nologreplay");
        };
    }

    private static void mountOnce(FileSystemType fileSystem, Path device, List<String> more)
            throws ErrnoException {
        var options = new ArrayList<>(more);
        options.add("ro");
        if (fileSystem == FileSystemType.XFS) {
            options.add("nouuid"); // its source may be mounted
        }
        try (var _ =
                Mounts.detachedMount(
                        fileSystem.kernelName(),
                        device.toString(),
                        Set.of(
                                MountAttribute.READ_ONLY,
                                MountAttribute.NOSUID,
                                MountAttribute.NODEV,
                                MountAttribute.NOEXEC),
                        options)) {
            // that it could be made is the answer
        }
    }

    private static VolumeException refused(FileSystemType fileSystem, ErrnoException refusal) {
        return new VolumeException(
                Reason.INVALID,
                "it holds %s that this machine's kernel can't mount: %s; %s"
                        .formatted(
                                fileSystem,
                                refusal.getMessage(),
                                MountRefusal.nextStep(fileSystem, refusal)),
                refusal);
    }
}
