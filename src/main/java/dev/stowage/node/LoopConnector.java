package dev.stowage.node;

import dev.stowage.linux.Errno;
import dev.stowage.linux.ErrnoException;
import dev.stowage.linux.FileId;
import dev.stowage.linux.Linux;
import dev.stowage.linux.LoopDevice;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.Stat;
import dev.stowage.volume.ImageFiles;
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
import java.util.Set;
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
        var known = loops(id);
        for (var loop : known) {
            requireSameImage(id, loop, file.id());
        }
        for (var loop : known) {
            if (loop.name().equals(name)) {
                return found(pool, image, loop, file.size());
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
        return new Connection(new LoopBlockDevice(made), true, backing(pool, image, file.id()));
    }

    private static Connection found(ImageFiles pool, Path image, LoopDevice loop, long imageBytes)
            throws IOException {
        BlockDevice device = new LoopBlockDevice(loop);
        // Grown, and killed before the device was told.
        var current = loop.sizeBytes() == imageBytes ? device : device.withNewSize();
        return new Connection(current, false, backing(pool, image, loop.image()));
    }

    private static ImageBacking backing(ImageFiles pool, Path image, FileId identity) {
        return new ImageBacking(image, identity, pool.blankProvable());
    }

    @Override
    public List<BlockDevice> devices(VolumeId id) throws IOException {
        return loops(id).stream().<BlockDevice>map(LoopBlockDevice::new).toList();
    }

    @Override
    public List<BlockDevice> devices(Set<String> poolTags) throws IOException {
        return LoopDevices.all(_ -> false).stream()
                .filter(loop -> names.isOurs(loop.name(), poolTags))
                .<BlockDevice>map(LoopBlockDevice::new)
                .toList();
    }

    /// A device whose name can't be read is in the way only if its image may be the volume's.
    private List<LoopDevice> loops(VolumeId id) throws IOException {
        return LoopDevices.all(path -> path.contains(id.poolTag() + ".v" + id.hash())).stream()
                .filter(loop -> names.isOf(id, loop.name()))
                .toList();
    }

    @Override
    public Map<VolumeId, List<BlockDevice>> volumes(PoolId pool) throws IOException {
        var volumes = new TreeMap<VolumeId, List<BlockDevice>>();
        for (var loop : LoopDevices.all(_ -> false)) {
            names.volume(pool, loop.name())
                    .ifPresent(
                            id ->
                                    volumes.computeIfAbsent(id, _ -> new ArrayList<>())
                                            .add(new LoopBlockDevice(loop)));
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

    private record LoopBlockDevice(LoopDevice loop) implements BlockDevice {
        /// LOOP_MAJOR, linux/major.h
        private static final String MAJOR = "7:";

        @Override
        public Path path() {
            return loop.path();
        }

        @Override
        public String number() {
            return MAJOR + loop.number();
        }

        @Override
        public boolean readOnly() {
            return loop.readOnly();
        }

        @Override
        public long sizeBytes() {
            return loop.sizeBytes();
        }

        @Override
        public int blockSizeBytes() {
            return loop.blockSize();
        }

        @Override
        public boolean held() throws IOException {
            return LoopDevices.heldByAnother(loop);
        }

        @Override
        public BlockDevice withNewSize() throws IOException {
            LoopDevices.adoptNewSize(loop);
            return new LoopBlockDevice(
                    LoopDevices.at(loop.path())
                            .orElseThrow(
                                    () ->
                                            new ErrnoException(
                                                    "LOOP_GET_STATUS64",
                                                    loop.path().toString(),
                                                    Errno.ENXIO)));
        }

        @Override
        public void release() throws IOException {
            LoopDevices.detach(loop);
        }

        @Override
        public String toString() {
            return loop.path() + (loop.readOnly() ? " (read-only)" : "");
        }
    }
}
