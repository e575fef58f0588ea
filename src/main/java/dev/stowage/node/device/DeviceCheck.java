package dev.stowage.node.device;

import dev.stowage.linux.Fd;
import dev.stowage.linux.Linux;
import dev.stowage.linux.LoopDevices;
import dev.stowage.linux.OpenFlags;
import dev.stowage.linux.UnreadableLoop;
import dev.stowage.spi.ImageFiles;
import dev.stowage.spi.VolumeCheck;
import dev.stowage.volume.Condition;
import dev.stowage.volume.Fault;
import dev.stowage.volume.VolumeException;
import dev.stowage.volume.VolumeId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/// Whether the devices of a volume can be read, and lead to the image that has its name now.
public final class DeviceCheck implements VolumeCheck {
    /// A whole block of any device, and what O_DIRECT wants its buffers aligned to.
    private static final int BLOCK_BYTES = 4096;

    private final Connectors connectors;
    private final Function<VolumeId, ImageFiles> pools;

    public DeviceCheck(Connectors connectors, Function<VolumeId, ImageFiles> pools) {
        this.connectors = connectors;
        this.pools = pools;
    }

    @Override
    public List<Condition> conditions(VolumeId id) throws IOException {
        var conditions = new ArrayList<Condition>();
        var devices = connectors.find(id);
        for (var device : devices.known()) {
            image(id, device).ifPresent(conditions::add);
            readable(id, device).ifPresent(conditions::add);
        }
        devices.unreadable().forEach(device -> conditions.add(unknown(id, device.loop())));
        return conditions;
    }

    private static Condition unknown(VolumeId id, UnreadableLoop loop) {
        return new Condition(
                Fault.DEVICE_UNREADABLE,
                "%s seems to be of volume %s, but the file system of its file (%s) doesn't answer (%s): look at the pool's disk and the kernel's log (dmesg), and end the volume's pods on this node"
                        .formatted(loop.path(), id, loop.file(), loop.why().getMessage()));
    }

    private Optional<Condition> image(VolumeId id, BlockDevice device) throws IOException {
        var loop = LoopDevices.at(device.path());
        if (loop.isEmpty()) {
            return Optional.empty();
        }
        try {
            var image = Linux.lstatIfExists(pools.apply(id).image(id));
            return image.filter(found -> !found.id().equals(loop.get().image()))
                    .map(
                            _ ->
                                    new Condition(
                                            Fault.IMAGE_REPLACED,
                                            "%s of volume %s is bound to a file that has since been replaced by another of the same name, and what is written now is lost when it is unstaged: copy its content, then put the first file back"
                                                    .formatted(device, id)));
        } catch (VolumeException e) {
            return switch (e.reason()) {
                case NOT_FOUND, DAMAGED ->
                        Optional.of(
                                new Condition(
                                        Fault.IMAGE_MISSING,
                                        "the image of volume %s was removed while %s has it open (%s), and its content is lost when it is unstaged: copy it now, then restore the volume from the copy"
                                                .formatted(id, device, e.getMessage())));
                // The pool's own conditions tell.
                default -> Optional.empty();
            };
        }
    }

    /// Past the page cache, which would remember better days.
    private static Optional<Condition> readable(VolumeId id, BlockDevice device) {
        var flags = OpenFlags.O_RDONLY | OpenFlags.O_DIRECT | OpenFlags.O_NOFOLLOW;
        try (var fd = Fd.open(device.path(), flags)) {
            var block = ByteBuffer.allocateDirect(2 * BLOCK_BYTES).alignedSlice(BLOCK_BYTES);
            var _ = fd.read(block.limit(BLOCK_BYTES), 0);
            return Optional.empty();
        } catch (IOException e) {
            return Optional.of(
                    new Condition(
                            Fault.DEVICE_UNREADABLE,
                            "%s of volume %s can't be read (%s): look at the pool's disk and the kernel's log (dmesg)"
                                    .formatted(device, id, e.getMessage())));
        }
    }
}
