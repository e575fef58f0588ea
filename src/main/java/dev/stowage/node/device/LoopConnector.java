package dev.stowage.node.device;

import dev.stowage.linux.FileId;
import dev.stowage.linux.Linux;
import dev.stowage.linux.LoopDevice;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.Stat;
import dev.stowage.spi.ImageFiles;
import dev.stowage.volume.NodeId;
import dev.stowage.volume.PoolId;
import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/// Connects image files through loop devices. A device is a volume's if it has the name that this
/// node gives it; it is the right one only if the image behind it is the volume's, by identity.
public final class LoopConnector implements Connector {
    private final LoopName names;
    private final Function<VolumeId, ImageFiles> pools;

    /// @param pools the pool of a volume that has image files here
    public LoopConnector(NodeId node, Function<VolumeId, ImageFiles> pools) {
        this.names = LoopName.of(node);
        this.pools = pools;
    }

    @Override
    public Connection connect(VolumeId id, int blockSizeBytes, boolean readOnly)
            throws IOException {
        var pool = pools.apply(id);
        var image = pool.image(id);
        var file = requireImage(id, image);
        var name = names.of(id, readOnly);
        var loops = loops(id);
        devices(id, loops).require(id);
        var known = loops.readable();
        for (var loop : known) {
            requireSameImage(id, loop, file.id());
        }
        for (var loop : known) {
            if (loop.name().equals(name)) {
                return found(pool, image, new LoopBlockDevice(Optional.of(id), loop), file.size());
            }
        }
        var made = LoopDevices.attach(image, name, blockSizeBytes, readOnly);
        if (!made.image().equals(file.id())) {
            LoopDevices.detach(made);
            requireSameImage(id, made, file.id());
        }
        try {
            pool.requireNotCopied(id);
        } catch (IOException | RuntimeException e) {
            LoopDevices.detach(made);
            throw e;
        }
        return new Connection(
                new LoopBlockDevice(Optional.of(id), made), true, backing(pool, image, file.id()));
    }

    private static Connection found(
            ImageFiles pool, Path image, LoopBlockDevice device, long imageBytes)
            throws IOException {
        // Grown, and killed before the device was told.
        var current = device.sizeBytes() == imageBytes ? device : device.withNewSize();
        return new Connection(current, false, backing(pool, image, device.loop().image()));
    }

    private static ImageBacking backing(ImageFiles pool, Path image, FileId identity) {
        return new ImageBacking(image, identity, pool.blankProvable());
    }

    @Override
    public VolumeDevices find(VolumeId id) throws IOException {
        return devices(id, loops(id));
    }

    private LoopDevices.Found loops(VolumeId id) throws IOException {
        var found = LoopDevices.find();
        return new LoopDevices.Found(
                found.readable().stream().filter(loop -> names.isOf(id, loop.name())).toList(),
                found.unreadable().stream()
                        .filter(loop -> ImageFiles.mayBeImage(id, loop.filePath()))
                        .toList());
    }

    private static VolumeDevices devices(VolumeId id, LoopDevices.Found loops) {
        return new VolumeDevices(
                loops.readable().stream()
                        .<BlockDevice>map(loop -> new LoopBlockDevice(Optional.of(id), loop))
                        .toList(),
                loops.unreadable().stream().map(UnreadableDevice::new).toList());
    }

    @Override
    public Map<VolumeId, List<BlockDevice>> volumes(PoolId pool) throws IOException {
        var volumes = new TreeMap<VolumeId, List<BlockDevice>>();
        for (var loop : LoopDevices.all()) {
            names.volume(pool, loop.name())
                    .ifPresent(
                            id ->
                                    volumes.computeIfAbsent(id, _ -> new ArrayList<>())
                                            .add(new LoopBlockDevice(Optional.of(id), loop)));
        }
        return volumes;
    }

    private static Stat requireImage(VolumeId id, Path image) throws IOException {
        var stat = Linux.lstat(image);
        if (!stat.isRegularFile()) {
            throw new VolumeException(
                    Reason.DAMAGED,
                    "the image of volume %s, %s, is not a regular file: restore it"
                            .formatted(id, image));
        }
        return stat;
    }

    private static void requireSameImage(VolumeId id, LoopDevice loop, FileId image) {
        if (!loop.image().equals(image)) {
            throw new VolumeException(
                    Reason.FAILED_PRECONDITION,
                    "%s of volume %s is bound to an image file that has since been replaced by another of the same name: put the first one back, or unstage the volume everywhere first"
                            .formatted(loop.path(), id));
        }
    }
}
